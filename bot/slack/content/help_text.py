"""`/kick help` and its like: what can be copied, what each word means, what happens next; short on a phone. Pure."""

import re
from collections.abc import Mapping

from bot.models import Value
from bot.slack.content.blocks import Message, compose, paragraph, preformatted
from bot.slack.content.lines import line, told

Names = Mapping[str, str]
"""What the commands are called here: `kick` -> `/kick`, or `/logout`."""


class Help(Value):
    """What one command does; lines to copy; a line for each word; what happens next."""

    does: str
    examples: tuple[str, ...]
    words: tuple[str, ...]
    then: str


_HOSTS = "`HOSTS`: `host1`, a range `web[01-20]`, a group `@prod`, or several with commas and no spaces"
_FROM = "`from 203.0.113.0/24`: only logins from that address or network"
_IDLE = "`idle 30m`: only sessions with no key and no output for so long, and nothing but a shell in front"
_KEY = "`key SHA256:…`: only logins with that SSH key, as the listing shows it"

HELP = {
    "sessions": Help(
        does="`/sessions HOSTS [USER]` shows who is logged in. It changes nothing, and nobody has to approve it.",
        examples=(
            "/sessions host1",
            "/sessions web[01-20] audituser",
            "/sessions @prod idle 2h",
            "/sessions @prod from 203.0.113.0/24",
        ),
        words=(_HOSTS, "`USER`: only this login name; in quotes if it has spaces", _IDLE, _FROM, _KEY),
        then="Where evidence may stand, all in the channel see the answer; elsewhere you alone do. Of many hosts it"
        " fills up while they answer, and you can stop it.",
    ),
    "kick": Help(
        does="`/kick USER HOSTS …` asks to end someone's login sessions: who, then where, then what else in any order."
        " `/kick` alone opens a form.",
        examples=(
            "/kick audituser host1 because INC-42",
            "/kick bob host1 session 7,9 warn 5m",
            "/kick bob web[01-20] processes force",
            '/kick "jane doe" win1 idle 1h',
            "/kick everyone web01 warn 5m because update",
        ),
        words=(
            _HOSTS,
            "`everyone` for USER: all, for maintenance; the bot, protected accounts, whom a rule spares, and you stay",
            "`me`: with `everyone`, also your own sessions",
            "`session 7,9`: only these; `/sessions HOSTS` shows the numbers",
            f"{_IDLE}; one that is used again before the end stays",
            _FROM,
            _KEY,
            "`processes`: everything else that runs as that account too",
            "`force`: kill what ignores the polite signals",
            "`warn 5m`: tell the user on the terminal, and wait so long before anything ends",
            "`hold 2h`: first keep the account from logging in again, for so long; given back by itself",
            "`emergency`: no approval, a review afterwards",
            "`because …`: the reason, always last; all behind it belongs to it",
        ),
        then="Nothing ends yet. The channel sees exactly what would end, and those whom the rules of that host"
        " name approve or deny it: never you, nor whose account it is. The proof then stands in the thread.",
    ),
    "limits": Help(
        does="`/limits HOSTS` shows what hosts do by themselves about people who are idle or gone. It changes nothing."
        " `/limits HOSTS set …` asks to change it.",
        examples=("/limits host1", "/limits @prod", "/limits host1 set idle 30m because INC-42"),
        words=(
            _HOSTS,
            "`set idle 15m`: sshd closes shells and file transfers in which nothing is sent or received for so long",
            "`set unresponsive 15m`: sshd ends connections whose other end does not answer for so long",
            "`set idle off`: takes away what Kickbot has set there",
            "`because …`: the reason, always last",
        ),
        then="It reads the settings of sshd and logind, and the profiles of the shells. Where evidence may stand, all"
        " in the channel see the answer; elsewhere you alone do.",
    ),
    "audit": Help(
        does="`/audit …` shows what was asked, decided and done: one request as a story, or the newest in a line each.",
        examples=("/audit 42", "/audit audituser", "/audit host1 since 24h", "/audit @carol"),
        words=(
            "`42`: the number of a request, as it stands below its message",
            "`audituser`, `host1`: requests about that login name, or that host",
            "`@carol`: what that person asked or decided",
            "`since 24h`: only what was asked within that time",
        ),
        then="You alone see the answer: what you asked or decided, and what is about hosts that you may look at.",
    ),
    "unhold": Help(
        does="`/unhold USER HOSTS` gives a held account back before its time.",
        examples=("/unhold bob web03", "/unhold bob @prod because INC-42 is over"),
        words=(_HOSTS, "`because …`: the reason"),
        then="One person asks, and someone else who may approve says the same, or clicks *Give back*."
        " In time it is given back anyway, by Kickbot and by the host itself.",
    ),
    "holds": Help(
        does="`/kickbot holds` shows which accounts are held where, and until when.",
        examples=("/kickbot holds",),
        words=("Only those on hosts that you may look at.",),
        then="`/unhold USER HOSTS` gives one back before its time.",
    ),
    "reviews": Help(
        does="`/kickbot reviews` shows the emergencies that nobody has reviewed yet, or only one person.",
        examples=("/kickbot reviews",),
        words=("Only those that you may see.",),
        then="Two people who could have approved it say what they found: *Review…* does it, also on the Home tab.",
    ),
    "sweeps": Help(
        does="`/kickbot sweeps` shows what Kickbot does by itself: which sweep looks where, and when.",
        examples=("/kickbot sweeps",),
        words=("Only those on hosts that you may look at.",),
        then="A run with nothing to do says nothing; its counts stand here. What would end is asked or done as"
        " `[[sweeps]]` in kickbot.toml says, and only where a rule lets it.",
    ),
    "freeze": Help(
        does="`/kickbot freeze because …` is the emergency brake: it stops all acting at once, on every host.",
        examples=("/kickbot freeze because wrong rule deployed",),
        words=("`because …`: the reason, which stands on every open request until then",),
        then="Whoever a rule lets approve may do it, alone. Nothing more is ended and nobody is warned until two people"
        " unfreeze. What a host was asked to do before is not taken back; lists and proofs go on.",
    ),
    "unfreeze": Help(
        does="`/kickbot unfreeze` releases the emergency brake. It takes two people, within 15 minutes.",
        examples=("/kickbot unfreeze",),
        words=("Each of them is someone whom a rule lets approve; whoever froze may be one of them.",),
        then="What was approved meanwhile, and is still in time, goes on by itself.",
    ),
    "retention": Help(
        does="`/kickbot retention` asks to drop what hosts said longer ago than kickbot.toml keeps it.",
        examples=("/kickbot retention",),
        words=("It is about attachments alone (sessions, processes, addresses): every event stays for good.",),
        then="Whoever a rule lets approve may ask, and someone else of them has to approve within 24 hours. Afterwards"
        " the trail says by whose word what was dropped.",
    ),
    "kickbot": Help(
        does="Kickbot ends login sessions on hosts: one asks, another one approves, the proof stands in the thread.",
        examples=("/sessions host1", "/kick audituser host1 because INC-42", "/kickbot sessions host1"),
        words=(
            "`/sessions HOSTS [USER]`: who is logged in there",
            "`/kick USER HOSTS …`: ask to end their sessions",
            "`/unhold USER HOSTS`: give a held account back before its time; `/kickbot holds` lists them",
            "`/limits HOSTS`: what the hosts do by themselves about idle people",
            "`/kickbot reviews`: emergencies that wait for their review",
            "`/kickbot sweeps`: what looks for idle sessions by itself, what it found last, and when it runs next",
            "`/audit REQUEST|USER|HOST|@PERSON`: what was done, and how it ended",
            "`/kickbot freeze because …`: stop all acting at once; two people `/kickbot unfreeze`",
            "`/kickbot retention`: ask to drop what hosts said long ago; it takes two people",
            "`/kickbot sessions …`, `/kickbot kick …`: the same under one name",
            "`@kickbot sessions …`, `@kickbot kick …`: the same in a message, answered in its thread",
        ),
        then="`/sessions help`, `/kick help` and `/audit help` say what each word means.",
    ),
}


def help_on(topic: str, names: Names) -> Message:
    """For `sessions`, `kick`, `unhold`, `holds`, `reviews`, `sweeps`, `limits`, `audit`, `freeze`, `unfreeze`,
    `retention` or `kickbot`.
    """
    wanted = HELP[topic]
    examples = preformatted(line("For example:"), renamed("\n".join(wanted.examples), names))
    words = paragraph(*(told(renamed(word, names)) for word in wanted.words), needed=True)
    does, then = (paragraph(told(renamed(text, names)), needed=True) for text in (wanted.does, wanted.then))
    return compose(does, examples, words, then)


def renamed(text: str, names: Names) -> str:
    """The same in the words of this workspace, where `/kick` may be called `/logout`."""
    return re.sub(r"/(sessions|kickbot|kick|unhold|limits|audit)\b", lambda match: names.get(match[1], match[0]), text)
