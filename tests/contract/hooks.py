"""What Schemathesis is told about this service, beside its description."""

import os
import re

import requests
import schemathesis
from schemathesis.generation.meta import TestPhase

# A trigger, an action, an event and a delivery that are there from the start to the end: made-up ids lead to 404 only.
STANDING = {"account": "standing"}

WELL_FORMED = {
    "account": re.compile("[A-Za-z0-9_-]{1,64}"),
    "trigger": re.compile("trg_[0-9A-Z]{26}"),
    "action": re.compile("act_[0-9A-Z]{26}"),
    "event": re.compile("evt_[0-9A-Z]{26}"),
    "delivery": re.compile("dlv_[0-9A-Z]{26}"),
}


@schemathesis.hook
def after_load_schema(context, schema):
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {os.environ['CONTRACT_API_KEY']}"

    def post(path, body):
        answer = session.post(f"{os.environ['CONTRACT_URL']}/v1/accounts/standing/{path}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    action = {"name": "Desk", "url": "https://desk.example.com/hooks"}
    trigger = post("triggers", {"type": "message.sent", "name": "Tell the front desk", "actions": [action]})
    event = post("events", {"type": "message.sent", "data": {}})
    STANDING["trigger"] = trigger["id"]
    STANDING["action"] = trigger["actions"][0]["id"]
    STANDING["event"] = event["id"]
    STANDING["delivery"] = event["deliveries"][0]["id"]


@schemathesis.hook
def before_call(context, case, kwargs):
    """Has requests about some trigger, action, event or delivery be about one that is there."""
    ids = case.path_parameters or {}
    if len(ids) < 2 or case.method.upper() == "DELETE":
        return
    # Requests of the stateful phase are about what others before them made.
    if case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL:
        return
    if all(name in WELL_FORMED and WELL_FORMED[name].fullmatch(str(value)) for name, value in ids.items()):
        case.path_parameters = {name: STANDING[name] for name in ids}
        # Made-up versions are none that is current, and nothing but 412 would come of them.
        if "If-Match" in (case.headers or {}):
            case.headers["If-Match"] = "*"
        if case.method.upper() != "GET":
            (case.headers or {}).pop("If-None-Match", None)


@schemathesis.hook
def filter_case(context, case):
    """Spin itself answers 500 to headers that are not UTF-8, and no component sees them."""
    return all(str(value).isascii() for value in (case.headers or {}).values())
