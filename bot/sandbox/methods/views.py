"""views.*: modals (a stack of up to three for each person) and Home tabs."""

import secrets
from typing import Any

from bot.sandbox import limits
from bot.sandbox.elements import identified
from bot.sandbox.methods.call import Call
from bot.sandbox.nouns import TEAM, Json, SlackError, View
from bot.sandbox.workspace import Workspace

DEEPEST = 3


def open_(call: Call) -> Json:
    content = call.parsed("view")
    limits.check_view(content, "modal")
    trigger = call.workspace.use_trigger(call.need("trigger_id"))
    call.workspace.stacks[trigger.person] = []
    return {"view": to_slack(call.workspace, stack(call.workspace, trigger.person, content))}


def push(call: Call) -> Json:
    content = call.parsed("view")
    limits.check_view(content, "modal")
    trigger = call.workspace.use_trigger(call.need("trigger_id"))
    if trigger.view not in call.workspace.stacks.get(trigger.person, []):
        raise SlackError("invalid_trigger_id")
    return {"view": to_slack(call.workspace, stack(call.workspace, trigger.person, content))}


def update(call: Call) -> Json:
    view = _wanted(call)
    content = call.parsed("view")
    limits.check_view(content, view.kind)
    _same_hash(call, view)
    return {"view": to_slack(call.workspace, renew(call.workspace, view, content))}


def publish(call: Call) -> Json:
    person = call.workspace.person(call.need("user_id")).id
    content = call.parsed("view")
    limits.check_view(content, "home")
    before = call.workspace.views.get(call.workspace.homes.get(person, ""))
    if before:
        _same_hash(call, before)
        return {"view": to_slack(call.workspace, renew(call.workspace, before, content))}
    view = _new(call.workspace, person, content, None)
    call.workspace.homes[person] = view.id
    call.workspace.happen("home_published", person=person, view=to_slack(call.workspace, view))
    return {"view": to_slack(call.workspace, view)}


def stack(workspace: Workspace, person: str, content: Json) -> View:
    """Puts a modal on top of what the person sees."""
    opened = workspace.stacks.setdefault(person, [])
    if len(opened) >= DEEPEST:
        raise SlackError("push_limit_reached")
    _unused_external_id(workspace, content)
    view = _new(workspace, person, content, workspace.views[opened[-1]] if opened else None)
    opened.append(view.id)
    workspace.happen("view_opened", person=person, view=to_slack(workspace, view))
    return view


def renew(workspace: Workspace, view: View, content: Json) -> View:
    changed = view.model_copy(update={"content": _filled(content), "hash": _hash(workspace)})
    workspace.views[view.id] = changed
    kind = "home_published" if view.kind == "home" else "view_updated"
    workspace.happen(kind, person=view.person, view=to_slack(workspace, changed))
    return changed


def close(workspace: Workspace, view: View, *, every: bool = False) -> None:
    """Takes the top modal away, or all of them."""
    opened = workspace.stacks.get(view.person, [])
    gone = list(opened) if every else [view.id]
    workspace.stacks[view.person] = [view_id for view_id in opened if view_id not in gone]
    for view_id in gone:
        workspace.views.pop(view_id, None)
    workspace.happen("view_closed", person=view.person, views=gone)


def to_slack(workspace: Workspace, view: View, values: Json | None = None) -> Json:
    """The view object of Slack's answers and payloads; `values`: the state that a person filled in."""
    app = workspace.app
    shown: Json = {"id": view.id, "team_id": TEAM, "app_id": app.app_id, "bot_id": app.bot_id}
    shown |= {"app_installed_team_id": TEAM, "private_metadata": "", "callback_id": "", "external_id": ""}
    shown |= {"title": None, "submit": None, "close": None, "clear_on_close": False, "notify_on_close": False}
    shown |= view.content
    shown |= {"hash": view.hash, "root_view_id": view.root, "previous_view_id": view.previous}
    return shown | {"state": {"values": values or {}}}


def _wanted(call: Call) -> View:
    views = call.workspace.views
    external = call.text("external_id")
    found = views.get(call.text("view_id"))
    found = found or next((v for v in views.values() if external and v.content.get("external_id") == external), None)
    if found is None:
        raise SlackError("not_found")
    return found


def _new(workspace: Workspace, person: str, content: Json, below: View | None) -> View:
    view_id = f"V0{secrets.token_hex(5).upper()}"
    view = View(id=view_id, person=person, content=_filled(content), hash=_hash(workspace), root=view_id)
    view = view.model_copy(update={"root": below.root, "previous": below.id}) if below else view
    workspace.views[view.id] = view
    return view


def _filled(content: Json) -> Json:
    return {**content, "blocks": list(identified(content["blocks"]))}


def _hash(workspace: Workspace) -> str:
    return f"{workspace.tick()}.{secrets.token_hex(4)}"


def _same_hash(call: Call, view: View) -> None:
    given: Any = call.text("hash")
    if given and given != view.hash:
        raise SlackError("hash_conflict")


def _unused_external_id(workspace: Workspace, content: Json) -> None:
    external = content.get("external_id")
    if external and any(view.content.get("external_id") == external for view in workspace.views.values()):
        raise SlackError("duplicate_external_id")
