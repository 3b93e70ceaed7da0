"""The HTTP edge: routes by resource, schemas, uploads. With app.py the only place that imports FastAPI."""
