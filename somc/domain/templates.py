"""The wording of messages (短信模板): every template with what may stand in it, and how it is filled in.

What must stay true: a template names only what its message has; one that names something else, or is no
template at all, is found where it is written (`faults`), never at the first customer. Filling in is pure and
never fails on values that were checked.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from somc.domain.values import Words

__all__ = ["BUILT_IN", "Template", "faults", "placeholders", "render", "stamped"]


class Template(msgspec.Struct, frozen=True):
    """Words of one kind of message, the class it is of, and what may stand in it in braces."""

    words: Words
    message_class: str
    placeholders: tuple[str, ...] = ()


def _template(message_class: str, zh: str, en: str, more: Iterable[str] = ()) -> Template:
    names = dict.fromkeys([*placeholders(zh), *placeholders(en), *more])
    return Template(Words(zh, en), message_class, tuple(names))


def placeholders(text: str) -> list[str]:
    """The names in braces. `ValueError` if they hold no name: `{}`, `{0}`, `{a.b}`, `{a!r}`, `{`."""
    names = []
    for _, name, form, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if not name.isidentifier() or form or conversion:
            raise ValueError(f"{{{name}}}")
        names.append(name)
    return names


def faults(text: str, allowed: Iterable[str] | None) -> str | None:
    """What is wrong with a template's text, if something is; `allowed` are its placeholders (None: any)."""
    try:
        names = placeholders(text)
    except ValueError as error:
        return f"braces that hold no name ({error})"
    if allowed is not None:
        for name in names:
            if name not in set(allowed):
                return f"the placeholder {{{name}}}"
    return None


def render(template: Template, language: str, values: Mapping[str, str]) -> str:
    """The message's words. `KeyError` for a value that is missing."""
    text = template.words.en if language == "en" else template.words.zh
    return text.format_map(values)


def stamped(text: str, language: str, made_at: datetime) -> str:
    """The words of a message that was kept back, with the time at which it was made (CH-03)."""
    when = made_at.strftime("%Y-%m-%d %H:%M")
    return f"{text} (written {when})" if language == "en" else f"{text}（生成时间 {when}）"


BUILT_IN: dict[str, Template] = {
    "appointment_booked": _template(
        "receipt",
        "【{hall}】您已预约{date} {time}办理{service}，预约码{code}。请凭码取号，如需取消请回复QX。",
        "{hall}: booked {service} on {date} at {time}, code {code}. Check in with it; reply QX to cancel.",
    ),
    "appointment_to_confirm": _template(
        "receipt",
        "【{hall}】您预约了{date} {time}办理{service}，预约码{code}。{until}前回复Y确认，否则取消。",
        "{hall}: {service} on {date} at {time}, code {code}. Reply Y before {until}, or it is released.",
    ),
    "appointment_waitlisted": _template(
        "receipt",
        "【{hall}】{date} {time}的{service}已约满，您已在候补名单，有空位时短信通知。候补码{code}。",
        "{hall}: {service} on {date} at {time} is full; you are on the waiting list. Code {code}.",
    ),
    "appointment_expired": _template(
        "notice",
        "【{hall}】您{date} {time}的{service}预约未确认，已释放。",
        "{hall}: your {service} appointment on {date} at {time} was not confirmed and is released.",
    ),
    "appointment_changed": _template(
        "receipt",
        "【{hall}】您的{service}预约已改为{date} {time}，预约码{code}。",
        "{hall}: your {service} appointment is now on {date} at {time}, code {code}.",
    ),
    "appointment_cancelled": _template(
        "receipt",
        "【{hall}】您{date} {time}的{service}预约已取消。",
        "{hall}: your {service} appointment on {date} at {time} is cancelled.",
    ),
    "appointment_reminder": _template(
        "reminder",
        "【{hall}】提醒：您预约了{date} {time}办理{service}。回复Y确认到场，回复QX取消。",
        "{hall}: reminder of {service} on {date} at {time}. Reply Y to confirm, QX to cancel.",
        ("code",),
    ),
    "appointment_offered": _template(
        "notice",
        "【{hall}】{date} {time}的{service}有空位了。{until}前回复Y即为您预约。",
        "{hall}: a place for {service} on {date} at {time} is free. Reply Y before {until} to book it.",
    ),
    "ticket_taken": _template(
        "receipt",
        "【{hall}】您的号码{number}，{service}，前面{ahead}人，约等候{minutes}分钟。回复CX查询。",
        "{hall}: your number is {number} ({service}), {ahead} ahead, about {minutes} min. Reply CX for news.",
    ),
    "ticket_near": _template(
        "notice",
        "【{hall}】{number}号，前面还有{ahead}人，请尽快到厅等候叫号。",
        "{hall}: number {number}, {ahead} ahead of you. Please be in the hall.",
    ),
    "alert_warning": _template(
        "alarm",
        "{hall}：{number}（{brand}，{service}）已等{waited}分钟，距承诺还有{minutes}分钟。",
        "{hall}: {number} ({brand}, {service}) has waited {waited} min, {minutes} min to the promise.",
    ),
    "alert_breach": _template(
        "alarm",
        "{hall}：{number}（{brand}，{service}）已等{waited}分钟，超出承诺{minutes}分钟。",
        "{hall}: {number} ({brand}, {service}) has waited {waited} min, {minutes} min past the promise.",
    ),
    "alert_long_wait": _template(
        "alarm",
        "{hall}：平均等候{value}分钟，超过{limit}分钟。",
        "{hall}: the mean wait is {value} min, beyond {limit} min.",
    ),
    "alert_peak": _template(
        "alarm",
        "{hall}：每小时到厅{value}人，超过{limit}人。",
        "{hall}: {value} customers an hour, beyond {limit}.",
    ),
    "alert_gateway_down": _template(
        "alarm",
        "{hall}：短信通道{channel}已中断{minutes}分钟。",
        "{hall}: the message channel {channel} has been down for {minutes} min.",
    ),
    "alert_plugin": _template("alarm", "{hall}：{what}", "{hall}: {what}"),
    "device_down": _template(
        "alarm",
        "{hall}：设备{device}状态为{status}。{detail}",
        "{hall}: the device {device} is {status}. {detail}",
    ),
    "phone_code": _template(
        "code",
        "【{hall}】验证码{code}，{minutes}分钟内有效，请勿告诉他人。",
        "{hall}: your code is {code}, good for {minutes} min. Tell nobody.",
    ),
    "reply_place": _template(
        "receipt",
        "【{hall}】{number}号（{service}）前面{ahead}人，约等候{minutes}分钟。",
        "{hall}: number {number} ({service}), {ahead} ahead of you, about {minutes} min.",
    ),
    "reply_called": _template(
        "receipt",
        "【{hall}】{number}号已叫号，请到{counter}号台席。",
        "{hall}: number {number} was called: please go to counter {counter}.",
    ),
    "reply_no_ticket": _template(
        "receipt",
        "【{hall}】您今天没有在等候的号码。当前共有{waiting}人等候。",
        "{hall}: you have no number waiting today. {waiting} people wait now.",
    ),
    "reply_confirmed": _template("receipt", "【{hall}】已确认，谢谢。", "{hall}: confirmed, thank you."),
    "reply_confirm_booking": _template(
        "receipt",
        "【{hall}】您要预约{date} {time}办理{service}，{minutes}分钟内回复Y确认，不回复则不预约。",
        "{hall}: {service} on {date} at {time}? Reply Y within {minutes} min, or nothing is booked.",
    ),
    "reply_slots": _template(
        "receipt",
        "【{hall}】{service} {date}可预约：{times}。回复 YY {service} {date} 时间。",
        "{hall}: {service} on {date}: {times}. Reply YY {service} {date} and a time.",
    ),
    "reply_nothing_to_confirm": _template(
        "receipt",
        "【{hall}】没有需要您确认的事项。回复BZ查看可用指令。",
        "{hall}: there is nothing to confirm. Reply BZ for the words.",
    ),
    "reply_declined": _template(
        "receipt",
        "【{hall}】好的，没有预约。如需取消已有预约，请回复QX。",
        "{hall}: nothing was booked. To give up an appointment that you have, reply QX.",
    ),
    "reply_nothing_to_cancel": _template(
        "receipt",
        "【{hall}】您没有可取消的预约。",
        "{hall}: there is no appointment to cancel.",
    ),
    "reply_refused": _template("receipt", "【{hall}】{why}", "{hall}: {why}"),
    "reply_stopped": _template(
        "receipt",
        "【{hall}】已退订提醒与营销消息。回复DY恢复。",
        "{hall}: no more reminders and offers. Reply DY to have them again.",
    ),
    "reply_started": _template(
        "receipt",
        "【{hall}】已订阅提醒与营销消息。回复TD退订。",
        "{hall}: you get reminders and offers. Reply TD to end this.",
    ),
    "reply_help": _template(
        "receipt",
        "【{hall}】回复 CX 查排队，YY 业务 日期 时间 预约，QX 取消预约，Y 确认，N 不同意，TD 退订。",
        "{hall}: CX for your place, YY service date time to book, QX to cancel, Y or N to answer, TD to end.",
    ),
}
"""Template → its usual words; hall.toml may say others, with the same placeholders or fewer."""
