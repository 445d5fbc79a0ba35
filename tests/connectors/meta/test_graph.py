"""The Graph API client: proof, errors for what they are, limits by header, health and the end of the token."""

from __future__ import annotations

import pytest

from connectors.contract import SendError
from connectors.meta import whatsapp
from connectors.meta.errors import TEXTS, Problem, error_of, meaning, usage
from connectors.meta.graph import proof
from connectors.meta.messenger import CHANNEL
from hub.i18n import translate
from tests.connectors.meta.beside import CALLER, PERSON, beside
from tests.contract.cases.messenger import outbound
from tests.contract.cases.whatsapp import outbound as to_caller
from tests.contract.meta import NUMBER, PAGE, PAGE_TOKEN


async def test_a_healthy_token_shows_when_it_ends() -> None:
    async with beside(CHANNEL, PAGE) as place:
        second = place.clock.at // 1_000_000
        place.meta.expires_at, place.meta.data_expires_at = second + 90 * 86_400, second + 30 * 86_400
        health = await place.connector.check()
        assert health.state == "ok"
        assert health.expires_at == (second + 30 * 86_400) * 1_000_000, "the earlier of the two ends"


async def test_a_token_without_end_shows_none() -> None:
    async with beside(CHANNEL, PAGE) as place:
        assert (await place.connector.check()).expires_at is None


async def test_a_token_that_has_ended_is_a_wrong_credential() -> None:
    async with beside(CHANNEL, PAGE) as place:
        place.meta.expires_at = place.clock.at // 1_000_000 - 1
        health = await place.connector.check()
        assert (health.state, health.expires_at) == ("wrong_credentials", place.meta.expires_at * 1_000_000)


async def test_a_secret_of_another_app_is_a_wrong_credential() -> None:
    async with beside(CHANNEL, PAGE, app_secret="a-secret-of-another-app") as place:
        assert (await place.connector.check()).state == "wrong_credentials"


async def test_a_token_of_another_app_is_misconfigured() -> None:
    async with beside(CHANNEL, PAGE) as place:
        debug = place.meta._debug
        place.meta._debug = lambda request: {**debug(request), "app_id": "1"}  # type: ignore[method-assign]
        assert (await place.connector.check()).state == "misconfigured"


async def test_an_account_that_is_not_there_is_misconfigured() -> None:
    async with beside(CHANNEL, PAGE) as place:
        place.meta.accounts = {"x": place.meta.accounts.pop(PAGE)}
        assert (await place.connector.check()).state == "misconfigured"


async def test_a_peer_that_cannot_be_reached_is_unreachable_and_heals() -> None:
    async with beside(CHANNEL, PAGE) as place:
        place.meta.fail("http-503")
        assert (await place.connector.check()).state == "unreachable"
        place.meta.fail("")
        assert (await place.connector.check()).state == "unreachable", "not asked again at once"
        place.clock.pass_hours(0.02)
        assert (await place.connector.check()).state == "ok"


async def test_a_good_answer_is_not_asked_for_again_every_minute() -> None:
    async with beside(CHANNEL, PAGE) as place:
        for _ in range(9):
            assert (await place.connector.check()).state == "ok"
            place.clock.pass_hours(1 / 60)
        assert len(place.meta.ledger) == 2, "one question about the token, one about the page"


async def test_a_refused_sending_shows_at_once_and_heals_with_a_new_token() -> None:
    async with beside(CHANNEL, PAGE) as place:
        place.direct.meet(PERSON, PAGE, "Zofia").wrote_at = place.clock.at
        assert (await place.connector.check()).state == "ok"
        place.meta.revoked.add(PAGE_TOKEN)
        with pytest.raises(SendError) as raised:
            await place.connector.send(outbound())
        assert raised.value.kind == "temporary", "the message is fine and leaves once the token is renewed"
        assert (await place.connector.check()).state == "wrong_credentials"
        place.meta.revoked.clear()
        place.clock.pass_hours(0.02)
        assert (await place.connector.check()).state == "ok"


async def test_a_spent_allowance_throttles_for_as_long_as_meta_says() -> None:
    async with beside(CHANNEL, PAGE) as place:
        place.direct.meet(PERSON, PAGE, "Zofia").wrote_at = place.clock.at
        place.meta.allowance = 0
        with pytest.raises(SendError) as raised:
            await place.connector.send(outbound())
        assert (raised.value.kind, raised.value.retry_after) == ("throttled", 300.0)


async def test_a_spent_allowance_is_left_alone_until_it_opens_again() -> None:
    async with beside(CHANNEL, PAGE) as place:
        place.direct.meet(PERSON, PAGE, "Zofia").wrote_at = place.clock.at
        place.meta.allowance = 0
        for _ in range(3):
            with pytest.raises(SendError):
                await place.connector.send(outbound())
        assert len(place.meta.ledger) == 1, "calls beyond the allowance only put off its end"
        place.meta.allowance = 10
        place.clock.pass_hours(301 / 3600)
        await place.connector.send(outbound())


async def test_a_limit_for_one_person_holds_up_nobody_else() -> None:
    async with beside(whatsapp.CHANNEL, NUMBER) as place:
        place.whatsapp.wrote_at[CALLER] = place.clock.at
        place.meta.fail("131056")
        with pytest.raises(SendError) as raised:
            await place.connector.send(to_caller())
        assert (raised.value.kind, raised.value.retry_after) == ("throttled", 6.0)
        place.meta.fail("")
        await place.connector.send(to_caller())


async def test_an_allowance_that_is_nearly_spent_shows() -> None:
    async with beside(CHANNEL, PAGE) as place:
        place.direct.meet(PERSON, PAGE, "Zofia").wrote_at = place.clock.at
        assert (await place.connector.check()).state == "ok"
        place.meta.used = 95
        await place.connector.send(outbound())
        assert (await place.connector.check()).state == "degraded"
        place.clock.pass_hours(0.02)
        assert (await place.connector.check()).state == "degraded"
        place.meta.used = 20
        place.clock.pass_hours(0.2)
        assert (await place.connector.check()).state == "ok"


def test_usage_of_headers() -> None:
    told = usage(
        {
            "x-app-usage": '{"call_count":28,"total_time":25,"total_cputime":95}',
            "x-business-use-case-usage": '{"1":[{"call_count":100,"estimated_time_to_regain_access":19}]}',
        }
    )
    assert (told.percent, told.regain) == (100, 19 * 60)
    assert usage({}).percent == 0
    assert usage({"x-app-usage": "no json", "x-business-use-case-usage": "[]"}).regain is None


def test_a_limit_without_a_time_waits_minutes() -> None:
    told = error_of(400, {"x-app-usage": '{"call_count": 97}'}, b'{"error": {"code": 4}}')
    assert (told.kind, told.retry_after) == ("throttled", 300.0)


@pytest.mark.parametrize(
    ("problem", "kind", "trouble"),
    [
        (Problem(code=190, error_subcode=463), "temporary", "wrong_credentials"),
        (Problem(code=102), "temporary", "wrong_credentials"),
        (Problem(code=100, message="Invalid appsecret_proof provided"), "temporary", "wrong_credentials"),
        (Problem(code=10), "temporary", "misconfigured"),
        (Problem(code=230), "temporary", "misconfigured"),
        (Problem(code=17), "throttled", "degraded"),
        (Problem(code=80002), "throttled", "degraded"),
        (Problem(code=131056), "throttled", ""),
        (Problem(code=10, error_subcode=2534022), "permanent", ""),
        (Problem(code=132015), "permanent", ""),
        (Problem(code=131042), "temporary", "misconfigured"),
        (Problem(code=987654, is_transient=True), "temporary", ""),
        (Problem(code=987654), "permanent", ""),
    ],
)
def test_what_codes_mean(problem: Problem, kind: str, trouble: str) -> None:
    found = meaning(problem)
    assert (found.kind, found.trouble) == (kind, trouble)


def test_an_error_tells_nothing_that_meta_said_of_the_person() -> None:
    body = b'{"error": {"message": "(#100) No matching user +48600700800", "code": 100, "fbtrace_id": "A1"}}'
    told = error_of(400, {}, body)
    assert "600700800" not in f"{told.public}{told.private}"
    assert "code 100/0 trace A1" in told.private


def test_every_sentence_has_a_polish_one() -> None:
    assert [text for text in TEXTS if translate("pl", text) == text] == []


def test_the_proof_is_the_documented_one() -> None:
    """HMAC-SHA256 of the token with the app's secret as the key, in hexadecimal."""
    assert proof("secret", "token") == "e941110e3d2bfe82621f0e3e1434730d7305d106c5f68c87165d0b27a4611a4a"
