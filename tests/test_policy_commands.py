"""`kickbot policy`, with Slack and without."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.nouns import Fault
from bot.sandbox.server import SandboxSlack
from tests.slack_bot import sandbox_slack
from tests.whole import configure, invoked, invoked_with

TESTS = """
cases = [
  { who = "U0ALICE", may = "ask", user = "audituser", host = "host1", expect = "yes" },
  { who = "U0CAROL", may = "approve", user = "audituser", host = "host1", expect = "%s" },
]
[groups]
S0SRE = ["U0ALICE", "U0BOB", "U0CAROL"]
S0LEADS = ["U0BOB", "U0CAROL"]
"""


@pytest.fixture
async def slack() -> AsyncIterator[SandboxSlack]:
    async with sandbox_slack() as slack:
        yield slack


@pytest.fixture
def config(tmp_path: Path) -> str:
    """No file that it names is there: nothing of it is needed."""
    path = configure(tmp_path, [("host1", "127.0.0.1", 22)], key=tmp_path / "id", known_hosts=tmp_path / "known_hosts")
    return str(path)


async def test_explain_names_people_rules_and_reasons(config: str, slack: SandboxSlack) -> None:
    """Groups are read from Slack."""
    done = await invoked_with(slack, "policy", "explain", "bob", "host1", "--config", config)

    assert (done.exit_code, done.stderr) == (0, "")
    assert "host1 is named by rules[0].\nbob on host1, if it is a person's account\n" in done.stdout
    assert "may ask: alice (U0ALICE), bob (U0BOB), carol (U0CAROL)" in done.stdout
    assert "may approve: carol (U0CAROL), 1 person besides who asks" in done.stdout
    assert 'may not approve: bob (U0BOB): "bob is your own account, so you can\'t decide about it."' in done.stdout


async def test_explain_as_someone(config: str, slack: SandboxSlack) -> None:
    """Also someone whom no rule names."""
    done = await invoked_with(slack, "policy", "explain", "audituser", "host1", "as", "U0GUS", "--config", config)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "may not look: gus (U0GUS): \"A guest can't use Kickbot: only full members" in done.stdout


def test_explain_without_a_token_says_so(config: str) -> None:
    """Who is in a group is neither guessed nor taken for nobody."""
    done = invoked("policy", "explain", "audituser", "host1", "as", "U0ALICE", "--config", config)
    assert done.exit_code == 0
    assert done.stdout.startswith("Groups were not looked up, since SLACK_BOT_TOKEN is not set")
    assert "may ask: U0ALICE if they are in S0SRE" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["audituser", "host1", "as", "alice"], "a Slack id such as U0ALICE"),
        (["audituser", "host1", "U0ALICE"], "a Slack id such as U0ALICE"),
        (["audituser", "hots1"], "There is no host `hots1`. Did you mean `host1`?"),
        (["audi tuser", "host1"], "That is not a login name."),
    ],
)
def test_a_question_that_is_none_is_one_line(config: str, words: list[str], said: str) -> None:
    """And status 2."""
    done = invoked("policy", "explain", *words, "--config", config)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


async def test_a_policy_that_holds_together(config: str, slack: SandboxSlack) -> None:
    """Status 0, although there is something to know."""
    done = await invoked_with(slack, "policy", "check", "--config", config)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "ok     rules: 1 rule for 1 host: nothing is wrong with them" in done.stdout
    assert "note   people: no account is known of alice (U0ALICE), carol (U0CAROL)" in done.stdout


async def test_a_policy_that_does_not_hold_together(config: str, slack: SandboxSlack) -> None:
    """Status 1; the same for machines."""
    slack.workspace.change_group("S0LEADS", members=("U0BOB",))
    slack.workspace.change_person("U0BOB", deleted=True)

    done = await invoked_with(slack, "policy", "check", "--config", config)
    as_json = await invoked_with(slack, "policy", "check", "--json", "--config", config)

    assert done.exit_code == as_json.exit_code == 1
    assert "WRONG  rules[0]: it takes 1 person besides who asks to approve, and there is nobody" in done.stdout
    found = json.loads(as_json.stdout)
    assert found["ok"] is False
    assert {"part": "policy", "level": "wrong", "about": "rules[0]"}.items() <= found["findings"][1].items()


async def test_a_group_that_slack_does_not_show(config: str, slack: SandboxSlack) -> None:
    """Nobody is in it, and that is wrong; no token is in the words of the failure."""
    slack.workspace.faults = lambda method, _: Fault.refused("no_such_subteam") if "usergroups" in method else None
    done = await invoked_with(slack, "policy", "check", "--config", config)
    assert done.exit_code == 1
    assert "rules[0].approve: S0LEADS: Slack doesn't say who that is, which is a no to everyone" in done.stdout
    assert "(Slack says no_such_subteam)" in done.stdout
    assert slack.bot_token not in done.stdout + done.stderr


async def test_a_token_that_can_not_be_used(config: str, slack: SandboxSlack) -> None:
    """It is not taken for none: whoever set it expects groups to be read."""
    for token in ("xoxb-wrong", "wrong"):
        done = await invoked_with(slack, "policy", "check", "--config", config, SLACK_BOT_TOKEN=token)
        assert (done.exit_code, done.stdout) == (2, "")
        assert done.stderr.startswith("kickbot: SLACK_BOT_TOKEN")
        assert "wrong" not in done.stderr.replace("has the wrong form", "")


@pytest.mark.parametrize(("expect", "status"), [("yes", 0), ("no", 1)])
def test_ones_own_cases(config: str, expect: str, status: int) -> None:
    """Needs no Slack; what is not as expected stands there with its reason, and makes the status 1."""
    file = Path(config).with_name("policy-tests.toml")
    file.write_text(TESTS % expect)
    done = invoked("policy", "test", str(file), "--config", config)
    assert (done.exit_code, done.stderr) == (status, "")
    told = "cases[1]: U0CAROL may approve kick audituser on host1: expected no, and it is yes (by rules[0] on host1)\n"
    assert done.stdout == f"{told if status else ''}2 cases, {status} not as expected\n"


def test_cases_that_are_not_there(config: str) -> None:
    """Status 2: nobody takes it for a pass."""
    done = invoked("policy", "test", "nowhere.toml", "--config", config)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith("kickbot: nowhere.toml: No such file")
