"""auth.*, users.*, usergroups.* and bots.*: who is calling, and who is who."""

from bot.sandbox.methods.call import Call
from bot.sandbox.nouns import TEAM, Json, SlackError
from bot.sandbox.workspace import DOMAIN


def api_test(call: Call) -> Json:
    if "error" in call.args:
        raise SlackError(call.text("error"))
    return {"args": {name: str(value) for name, value in call.args.items()}}


def auth_test(call: Call) -> Json:
    app = call.workspace.app
    answer = {"url": f"{call.origin}/", "team": "Sandbox", "team_id": TEAM, "user": app.name, "user_id": app.bot_user}
    return answer | {"bot_id": app.bot_id, "is_enterprise_install": False}


def open_connection(call: Call) -> Json:
    return {"url": call.new_socket_url()}


def info(call: Call) -> Json:
    return {"user": call.workspace.person(call.need("user")).to_slack()}


def list_(call: Call) -> Json:
    people = [person.to_slack() for person in call.workspace.people.values()]
    return call.page(people, "members", call.number("limit", 1000)) | {"cache_ts": 1700000000}


def groups(call: Call) -> Json:
    listed = [g for g in call.workspace.groups.values() if not g.disabled or call.flag("include_disabled")]
    users = call.flag("include_users")
    return {"usergroups": [g.to_slack() | ({"users": list(g.members)} if users else {}) for g in listed]}


def group_members(call: Call) -> Json:
    group = call.workspace.groups.get(call.need("usergroup"))
    if group is None or (group.disabled and not call.flag("include_disabled")):
        raise SlackError("no_such_subteam")
    return {"users": list(group.members)}


def bot_info(call: Call) -> Json:
    app = call.workspace.app
    if call.text("bot") not in {"", app.bot_id}:
        raise SlackError("bot_not_found")
    return {
        "bot": {"id": app.bot_id, "app_id": app.app_id, "user_id": app.bot_user, "name": app.name, "deleted": False}
    }


def team_info(call: Call) -> Json:
    return {"team": {"id": TEAM, "name": "Sandbox", "domain": DOMAIN, "url": f"{call.origin}/"}}
