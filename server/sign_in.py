"""/v1/sign-in: a wallet that signs gets the token that opens what it bought."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from base.errors import InvalidRequest
from manifests.sign_in import SignInRequest
from server.web.methods import route
from server.web.owner import owned_answer
from server.web.request import read_body, read_head, read_json
from settlement.sign_in.message import EXTENSION, HEADER
from settlement.sign_in.sign_in import SignIn
from tools.arguments import parse


@dataclass(frozen=True, slots=True)
class SignInRoutes:
    """The challenge, and the token for its signature."""

    sign_in: SignIn
    body_limit: int

    def routes(self) -> list[Route]:
        return [route("/v1/sign-in", GET=self._challenge, POST=self._take)]

    async def _challenge(self, _: Request) -> Response:
        extension = self.sign_in.challenge()
        return owned_answer({"object": "sign_in.challenge", "extensions": {EXTENSION: extension}})

    async def _take(self, request: Request) -> Response:
        head = read_head(request.scope)
        proof = head.text(HEADER.lower().encode())
        if proof is None:
            raise InvalidRequest(
                f"The header {HEADER} is missing.",
                param=HEADER,
                resolution="Send base64 of the signed challenge as JSON; GET /v1/sign-in has it.",
            )
        body = await read_body(request.receive, head, self.body_limit)
        asked = parse(SignInRequest, read_json(head, body) if body else {})
        signed = await self.sign_in.take(proof, asked.key_name)
        return owned_answer(
            {
                "object": "sign_in",
                "network": signed.network,
                "wallet": signed.wallet,
                "token_type": "Bearer",
                "access_token": signed.access_token,
                "expires_at": signed.expires_at_ms // 1000,
                "api_key": signed.key.key if signed.key else None,
            }
        )
