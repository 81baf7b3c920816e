"""Why a host did not do what it was asked to, in words. Pure."""

from bot.models import Answer, Target

WHY = {
    "late": "it was too late",
    "rebooted": "the host was rebooted",
    "gone": "the session was gone",
    "changed": "the session was another one by then (its leader's pid now belongs to another process, or it began at "
    "another time)",
    "forbidden": "it is not allowed to",
    "unable": "it can't be held there",
    "frozen": "all acting was frozen by then",
}
OF_A_LIMIT = {"gone": "nothing was on trial there any more", "unable": "it can't be set there"}
OF_AN_ACCOUNT = {
    "gone": "no process of it was left",
    "changed": "it would have ended more than was approved, such as a login that came later",
}


def said(answer: Answer, target: Target) -> str:
    """`exit status 0`, or why there is none."""
    if answer.status == "done":
        return f"exit status {answer.exit_status}" if answer.exit_status is not None else "ran"
    return unanswered(answer, target)


def unanswered(answer: Answer, target: Target) -> str:
    """Why it wasn't done, or why nobody knows."""
    if answer.status == "unknown":
        return "no complete answer, so nobody knows whether it ran"
    words = {**WHY, **{"account": OF_AN_ACCOUNT, "limits": OF_A_LIMIT}.get(target.kind, {})}
    return f"the host did not run it: {words.get(answer.refusal or '', 'it refused')}"
