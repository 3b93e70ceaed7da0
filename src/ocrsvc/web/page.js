"use strict";

const form = document.getElementById("form");
const status = document.getElementById("status");
const table = document.getElementById("lines");

document.getElementById("curl").textContent =
  `curl -F image=@invoice.png ${new URL("ocr", document.baseURI).href}`;

function cell(text) {
  const element = document.createElement("td");
  element.textContent = text;
  return element;
}

function show(reply) {
  const rows = reply.results.map((line) => {
    const row = document.createElement("tr");
    row.append(cell(line.text), cell(line.confidence.toFixed(3)), cell(line.bbox.join(", ")));
    return row;
  });
  table.tBodies[0].replaceChildren(...rows);
  table.hidden = rows.length === 0;
  status.textContent = rows.length === 0
    ? "There is no text in this picture."
    : `${rows.length} lines in ${reply.total_time.toFixed(2)} s.`;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  status.textContent = "Reading …";
  table.hidden = true;
  const body = new FormData();
  body.append("image", document.getElementById("image").files[0]);
  const key = document.getElementById("key").value;
  try {
    const response = await fetch("ocr", { method: "POST", body, headers: key ? { "X-API-Key": key } : {} });
    const reply = await response.json();
    if (reply.success) {
      show(reply);
    } else {
      status.textContent = `${reply.error.message} (${reply.error.code}, request ${reply.request_id})`;
    }
  } catch {
    status.textContent = "The service does not answer.";
  }
});
