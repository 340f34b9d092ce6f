# Serves the policy: POST /recommend, by oO's contract. Usage: python serve.py [--model model.json] [--port 8000]

import argparse
import json
from pathlib import Path

import uvicorn
from contract import MAX_BODY, SCHEMA, Broken, Contract
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from policy import UNTAUGHT, Model, recommend


def app(model, contract):
    """The server. No pydantic models: the generated schema is the only truth there is of the contract."""
    server = FastAPI(title="a remote policy", docs_url=None, redoc_url=None, openapi_url=None)

    # It waits for nothing but the body, and an answer takes a few milliseconds: one at a time is right.
    @server.post("/recommend")
    async def answer(request: Request):
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return problem(413, "too large", f"send at most {MAX_BODY} bytes")
        try:
            ask = contract.read("Ask", body)
        except Broken as broken:
            return problem(422, "not an ask", str(broken))
        return JSONResponse(recommend(ask, model))

    @server.get("/health")
    async def health():
        return {"model": model.version}

    return server


def problem(status, title, detail):
    """RFC 9457. oO takes a 4xx for an answer that is wrong, and a 5xx for a policy that is gone."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, media_type="application/problem+json")


def main():
    asked = argparse.ArgumentParser(description="Serves the policy: POST /recommend.")
    asked.add_argument("--model", type=Path, help="what train.py wrote; without one it knows nothing yet")
    asked.add_argument("--schema", type=Path, default=SCHEMA, help="contracts.schema.json of the oO that asks")
    asked.add_argument("--host", default="127.0.0.1")
    asked.add_argument("--port", type=int, default=8000)
    asked = asked.parse_args()
    model = Model.from_json(json.loads(asked.model.read_text())) if asked.model else UNTAUGHT
    uvicorn.run(app(model, Contract(asked.schema)), host=asked.host, port=asked.port, log_level="warning")


if __name__ == "__main__":
    main()
