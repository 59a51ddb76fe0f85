"""SOMC's own dialogue and its words. `menus` of the configuration names a TOML file with another one."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from somc.api import Words
from somc_plugins.ivr_fastagi.dialogue import Node

__all__ = ["MENUS", "PROMPTS", "read_menus", "worded"]

PROMPTS: dict[str, Words] = {
    "main": Words(
        "欢迎致电{hall}。预约请按1，改约请按2，取消预约请按3，查询排队请按4，人工服务请按0。",
        "Welcome to {hall}. To book press 1, to change 2, to cancel 3, for the queue 4, for an agent 0.",
    ),
    "choose_service": Words("请选择业务。", "Please choose a service."),
    "choose_date": Words("请选择日期。", "Please choose a date."),
    "choose_time": Words("请选择时间。", "Please choose a time."),
    "more_options": Words("更多选择请按{key}。", "For more press {key}."),
    "option": Words("{what}请按{key}。", "For {what} press {key}."),
    "confirm_booking": Words(
        "您要预约{date}{time}办理{service}，确认请按1，重新选择请按2。",
        "{service} on {date} at {time}. To confirm press 1, to choose again press 2.",
    ),
    "booked": Words(
        "预约成功，{date}{time}办理{service}。您的预约码是{code}。再说一遍，{code}。",
        "Booked: {service} on {date} at {time}. Your code is {code}. Again: {code}.",
    ),
    "enter_phone": Words("请输入您的手机号码，按井号键结束。", "Enter your number, then the hash key."),
    "enter_code": Words("请输入预约码，按井号键结束。", "Enter your code, then the hash key."),
    "found": Words("您预约了{date}{time}办理{service}。", "You have booked {service} on {date} at {time}."),
    "confirm_cancel": Words("取消请按1，保留请按2。", "To cancel press 1, to keep it press 2."),
    "cancelled": Words("您的预约已取消。", "Your appointment is cancelled."),
    "changed": Words("已改到{date}{time}。", "It is now on {date} at {time}."),
    "place": Words(
        "您的号码是{number}，前面还有{ahead}人。", "Your number is {number}, {ahead} are ahead of you."
    ),
    "called": Words("您的号码{number}已叫到，请到{counter}号台席。", "{number} is at counter {counter}."),
    "queue": Words("现在有{waiting}人等候。", "{waiting} people are waiting now."),
    "closed": Words("营业厅现在不营业。", "The hall is closed now."),
    "nothing_free": Words("没有可预约的时间。", "Nothing is free."),
    "refused": Words("{why}", "{why}"),
    "more": Words("返回主菜单请按1，结束请挂机。", "For the main menu press 1, or hang up."),
    "again": Words("输入有误，请重新输入。", "That was not right."),
    "nothing_heard": Words("没有收到您的输入。", "Nothing was heard."),
    "no_answer": Words("没有收到有效输入。", "There was no answer."),
    "agent": Words("正在为您转接人工服务。", "You are being put through."),
    "goodbye": Words("感谢来电，再见。", "Thank you. Goodbye."),
}
"""Prompt → what is said."""

_MENUS: dict[str, dict[str, Any]] = {
    "main": {
        "kind": "menu",
        "say": "main",
        "keys": {"1": "who", "2": "change_code", "3": "cancel_code", "4": "queue", "0": "agent"},
    },
    "who": {"kind": "act", "act": "caller", "then": {"known": "services", "unknown": "phone"}},
    "phone": {
        "kind": "entry",
        "say": "enter_phone",
        "into": "phone",
        "least": 5,
        "most": 20,
        "then": {"ok": "services"},
    },
    "services": {
        "kind": "act",
        "act": "services",
        "then": {"ok": "service", "one": "dates", "none": "more", "refused": "more"},
    },
    "service": {"kind": "choose", "say": "choose_service", "keys": {"0": "agent"}, "then": {"ok": "dates"}},
    "dates": {"kind": "act", "act": "dates", "then": {"ok": "date", "none": "more"}},
    "date": {"kind": "choose", "say": "choose_date", "keys": {"0": "agent"}, "then": {"ok": "times"}},
    "times": {"kind": "act", "act": "times", "then": {"ok": "time", "none": "dates"}},
    "time": {"kind": "choose", "say": "choose_time", "keys": {"0": "agent"}, "then": {"ok": "what"}},
    "what": {"kind": "act", "act": "purpose", "then": {"book": "confirm_booking", "change": "do_change"}},
    "confirm_booking": {"kind": "menu", "say": "confirm_booking", "keys": {"1": "book", "2": "dates"}},
    "book": {"kind": "act", "act": "book", "then": {"ok": "more", "refused": "dates"}},
    "change_code": {
        "kind": "entry",
        "say": "enter_code",
        "into": "appointment",
        "least": 14,
        "most": 14,
        "then": {"ok": "find_to_change"},
    },
    "find_to_change": {"kind": "act", "act": "find_to_change", "then": {"ok": "dates", "refused": "more"}},
    "do_change": {"kind": "act", "act": "change", "then": {"ok": "more", "refused": "dates"}},
    "cancel_code": {
        "kind": "entry",
        "say": "enter_code",
        "into": "appointment",
        "least": 14,
        "most": 14,
        "then": {"ok": "find_to_cancel"},
    },
    "find_to_cancel": {"kind": "act", "act": "find", "then": {"ok": "confirm_cancel", "refused": "more"}},
    "confirm_cancel": {"kind": "menu", "say": "confirm_cancel", "keys": {"1": "cancel", "2": "more"}},
    "cancel": {"kind": "act", "act": "cancel", "then": {"ok": "more", "refused": "more"}},
    "queue": {"kind": "act", "act": "queue", "then": {"ok": "more"}},
    "more": {"kind": "menu", "say": "more", "keys": {"1": "main", "0": "agent"}, "otherwise": "goodbye",
             "retries": 0, "timeout_s": 10},
    "agent": {"kind": "transfer", "say": "agent"},
    "goodbye": {"kind": "end", "say": "goodbye"},
}  # fmt: skip

MENUS: dict[str, Node] = msgspec.convert(_MENUS, dict[str, Node])
"""Node → what happens there."""


def read_menus(path: Path) -> tuple[dict[str, Node], dict[str, Words]]:
    """Menus and prompts of a file: `[menu.NAME]` and `[prompt.NAME]`, which stand in the place of ours.
    `ValueError` says what is wrong."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        menus = msgspec.convert(document.get("menu", {}), dict[str, Node])
        prompts = msgspec.convert(document.get("prompt", {}), dict[str, Words])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error
    for name, words in prompts.items():
        for text in (words.zh, words.en):
            try:
                text.format_map(_Known())
            except (ValueError, IndexError, AttributeError, KeyError) as error:
                raise ValueError(f"{path}: prompt.{name}: {text!r}: {error}") from error
    return {**MENUS, **menus}, {**PROMPTS, **prompts}


def worded(prompts: Mapping[str, Words], prompt: str, values: Mapping[str, str], language: str) -> str:
    """A prompt's words; a value that is not known is left out."""
    words = prompts[prompt]
    text = words.en if language == "en" else words.zh
    return text.format_map(_Known(values))


class _Known(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""
