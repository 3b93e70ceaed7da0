"use strict";

// validatorUrl: Swagger UI would otherwise show a badge from a public server; nothing leaves this machine.
window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
