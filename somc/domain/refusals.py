"""The catalogue of refusals: why a hall says no, in both languages, and what to do.

A refusal is a value that `decide` answers instead of events: nothing was done. Its `kind` says what
an outer protocol makes of it (HTTP: conflict 409, not_found 404, invalid 422).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from somc.domain.values import Words

__all__ = ["CATALOGUE", "Refusal", "refuse"]

Kind = Literal["conflict", "not_found", "invalid"]


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One no: a stable `code`, the kind, and a sentence that names object, act, state and remedy."""

    code: str
    kind: Kind
    words: Words
    keys: tuple[str, ...] = ()
    """The settings that are wrong, as dotted keys, where it is about settings."""


CATALOGUE: dict[str, tuple[Kind, str, str]] = {
    "unknown_service": (
        "invalid",
        "没有业务“{service}”；可选：{known}。",
        "There is no service '{service}'; known: {known}.",
    ),
    "unknown_class": (
        "invalid",
        "没有客户等级“{customer_class}”；可选：{known}。",
        "There is no customer class '{customer_class}'; known: {known}.",
    ),
    "unknown_ticket": (
        "not_found",
        "没有排队号 {ticket}；它可能属于以前的营业日。",
        "There is no ticket {ticket}; it may belong to an earlier business day.",
    ),
    "unknown_counter": ("not_found", "没有 {counter} 号台席。", "There is no counter {counter}."),
    "hall_closed": (
        "conflict",
        "营业厅现在不营业，不能取号。",
        "The hall is closed now: no ticket can be taken.",
    ),
    "service_closed": (
        "conflict",
        "业务“{service}”现在不受理。",
        "The service '{service}' is closed now: no ticket can be taken for it.",
    ),
    "service_full": (
        "conflict",
        "业务“{service}”等候已满 {limit} 人，请稍后再取号。",
        "{limit} people wait for '{service}' already, its limit: try again later.",
    ),
    "service_sold_out": (
        "conflict",
        "业务“{service}”今日 {limit} 个号已取完。",
        "All {limit} tickets of the day for '{service}' are taken.",
    ),
    "ticket_id_taken": (
        "conflict",
        "排队号标识 {ticket} 已被使用。",
        "The ticket id {ticket} was used before: draw another.",
    ),
    "ticket_state": (
        "conflict",
        "排队号 {number} 当前状态为“{state}”，不能执行“{act}”。",
        "Ticket {number} is {state}: it cannot be {act}.",
    ),
    "ticket_at_other_counter": (
        "conflict",
        "排队号 {number} 只等候 {only} 号台席。",
        "Ticket {number} waits for counter {only} only: transfer it first.",
    ),
    "nothing_to_transfer": (
        "invalid",
        "请指定要转移到的业务或台席。",
        "Say where to: a service, a counter, or both.",
    ),
    "transfer_to_same": (
        "conflict",
        "排队号 {number} 已在等候该业务和台席。",
        "Ticket {number} waits for exactly this already.",
    ),
    "counter_closed": (
        "conflict",
        "{counter} 号台席未开放，请先开台。",
        "Counter {counter} is closed: open it first.",
    ),
    "counter_paused": (
        "conflict",
        "{counter} 号台席已暂停，请先恢复。",
        "Counter {counter} is paused: resume it first.",
    ),
    "counter_not_paused": (
        "conflict",
        "{counter} 号台席当前为“{state}”，没有暂停。",
        "Counter {counter} is {state}, not paused: there is nothing to resume.",
    ),
    "counter_already_open": (
        "conflict",
        "{counter} 号台席已由 {agent} 开放。",
        "Counter {counter} is open already, by {agent}: close it first.",
    ),
    "counter_already_closed": (
        "conflict",
        "{counter} 号台席已关闭。",
        "Counter {counter} is closed already.",
    ),
    "counter_already_paused": (
        "conflict",
        "{counter} 号台席已暂停。",
        "Counter {counter} is paused already.",
    ),
    "counter_busy": (
        "conflict",
        "{counter} 号台席正在为 {number} 服务（{state}），请先结束。",
        "Counter {counter} has ticket {number} ({state}): finish it first.",
    ),
    "counter_idle": (
        "conflict",
        "{counter} 号台席当前没有顾客，不能执行“{act}”。",
        "Counter {counter} has nobody called: it cannot {act}.",
    ),
    "agent_elsewhere": (
        "conflict",
        "{agent} 已在 {counter} 号台席。",
        "Agent {agent} is at counter {counter} already: close that first.",
    ),
    "no_skill": (
        "conflict",
        "{counter} 号台席不办理业务“{service}”。",
        "Counter {counter} does not serve '{service}': choose another counter, or change its skills.",
    ),
    "no_skills_given": (
        "invalid",
        "台席至少要有一项可办理业务。",
        "A counter needs at least one skill.",
    ),
    "bad_level": (
        "invalid",
        "业务“{service}”的优先级 {level} 无效；应为 1 到 9。",
        "The level {level} of '{service}' is not valid; allowed: 1 to 9.",
    ),
    "return_not_offered": (
        "conflict",
        "本营业厅不退回队列，请标记过号。",
        "This hall sends nobody back into line: mark a no-show.",
    ),
    "booked_other_day": (
        "invalid",
        "预约时间 {booked} 不在营业日 {day} 内。",
        "The booked time {booked} is not on the business day {day}: check in on its day.",
    ),
    "unknown_appointment": (
        "not_found",
        "没有这个预约；预约码可能输错，或属于其他营业厅，或已过期。",
        "There is no such appointment here: the code is mistyped, of another hall, or of a day that is over.",
    ),
    "appointment_used": (
        "conflict",
        "{when} 的预约已取号（{number}），预约码只能使用一次。",
        "The appointment of {when} was checked in already (ticket {number}): a code is good once.",
    ),
    "appointment_state": (
        "conflict",
        "{when} 的预约{state}，不能{act}。",
        "The appointment of {when} is {state}: it cannot be {act}.",
    ),
    "appointment_id_taken": (
        "conflict",
        "预约标识或预约码已被使用，请重新生成。",
        "An id or a code of these appointments was used before: draw others.",
    ),
    "appointment_other_service": (
        "conflict",
        "{when} 的预约办理“{booked}”，不是所选业务；请改选业务，或先改约。",
        "The appointment of {when} is for '{booked}', not for this service: choose that, or move it first.",
    ),
    "appointment_same_slot": (
        "conflict",
        "该预约已在 {when}。",
        "The appointment is at {when} already.",
    ),
    "nothing_to_change": (
        "invalid",
        "请指定新的时间或业务。",
        "Say what to change: the time, the service, or both.",
    ),
    "no_appointments": (
        "conflict",
        "业务“{service}”不接受预约，请到营业厅取号。",
        "The service '{service}' takes no appointments: come and take a ticket.",
    ),
    "no_slot": (
        "conflict",
        "业务“{service}”在 {when} 没有可预约的时段，请查询可预约时段。",
        "There is no slot of '{service}' at {when}: list the slots of that date.",
    ),
    "slot_full": (
        "conflict",
        "业务“{service}” {when} 的时段已约满（剩余 {free} 个），请另选时段或候补。",
        "The slot of '{service}' at {when} has {free} places left: choose another, or join the waiting list.",
    ),
    "slot_too_soon": (
        "conflict",
        "{when} 太近，须至少提前 {minutes} 分钟预约。",
        "{when} is too soon: book at least {minutes} minutes before, or come as a walk-in.",
    ),
    "slot_too_far": (
        "conflict",
        "{when} 尚未开放预约，目前可约至 {last}。",
        "{when} cannot be booked yet: the last date that can is {last}.",
    ),
    "too_many_places": (
        "invalid",
        "一次不能预约 {count} 个名额，最多 {limit} 个。",
        "{count} places cannot be booked at once; allowed: 1 to {limit}.",
    ),
    "too_many_appointments": (
        "conflict",
        "该客户已有 {limit} 个未办理的预约，请先取消一个。",
        "This customer has {limit} appointments ahead, the limit: cancel one first.",
    ),
    "waiting_list_full": (
        "conflict",
        "业务“{service}”候补已满 {limit} 人。",
        "{limit} people are on the waiting list of '{service}', its limit: choose another slot.",
    ),
    "wait_other_day": (
        "invalid",
        "候补的最晚时间须与 {when} 在同一天且不早于它。",
        "The last time that would do must be on the date of {when} and not before it.",
    ),
    "check_in_too_early": (
        "conflict",
        "{when} 的预约从 {opens} 起可以取号，请届时再来。",
        "The appointment of {when} can be checked in from {opens} on: come back then.",
    ),
    "several_appointments": (
        "conflict",
        "该号码有 {count} 个预约可以取号，请选择一个。",
        "This number has {count} appointments to check in: say which.",
    ),
    "appointments_on_day": (
        "conflict",
        "{date} 有 {count} 个预约将落在营业时间之外；确认取消它们后才能修改。",
        "{count} appointments of {date} would lie outside the opening hours: say that they are to fall.",
    ),
    "appointments_outside": (
        "conflict",
        "有 {count} 个预约将落在营业时间之外；确认取消它们后才能修改。",
        "{count} appointments would lie outside the opening hours: say that they are to fall.",
    ),
    "bad_date": (
        "invalid",
        "“{date}”不是日期，应为 YYYY-MM-DD。",
        "'{date}' is no date; write YYYY-MM-DD.",
    ),
    "nothing_to_configure": (
        "invalid",
        "请指定要修改的业务或模式。",
        "Say what to change: the skills, the mode, or both.",
    ),
    "bad_mode": (
        "invalid",
        "台席模式“{mode}”无效；可选：{known}。",
        "There is no counter mode '{mode}'; known: {known}.",
    ),
    "unknown_alert": (
        "not_found",
        "没有预警 {alert}；它可能属于以前的营业日。",
        "There is no alert {alert}; it may belong to an earlier business day.",
    ),
    "alert_acknowledged": (
        "conflict",
        "预警 {alert} 已由 {by} 确认。",
        "Alert {alert} was acknowledged already, by {by}.",
    ),
    "bad_acknowledgement": (
        "invalid",
        "预警只能确认为：{known}。",
        "An alert is acknowledged as one of: {known}.",
    ),
    "already_rated": (
        "conflict",
        "排队号 {number} 已经评价，不能更改。",
        "Ticket {number} was rated already: a rating is not changed.",
    ),
    "rating_over": (
        "conflict",
        "排队号 {number} 的评价时间已过（办结后 {limit} 秒内）。",
        "It is too late to rate ticket {number}: its service ended more than {limit} seconds ago.",
    ),
    "bad_rating": (
        "invalid",
        "评价 {score}（满分 {scale}）无效；分数应为 1 到满分，满分应为 2 到 {most}。",
        "The rating {score} of {scale} is not valid; allowed: 1 to the scale, and a scale of 2 to {most}.",
    ),
    "bad_count": (
        "invalid",
        "客流数 {entered} 进 {left} 出无效；应为 0 到 {most}，且开始时间不晚于现在。",
        "The count of {entered} in and {left} out is not valid; allowed: 0 to {most}, begun in the past.",
    ),
    "bad_offer_outcome": (
        "invalid",
        "营销推荐的结果只能是：{known}。",
        "What becomes of an offer is one of: {known}.",
    ),
    "bad_diversion": (
        "invalid",
        "分流方式“{kind}”无效；可选：{known}。",
        "There is no kind of diversion '{kind}'; known: {known}.",
    ),
    "nothing_to_divert": (
        "invalid",
        "请指定要分流的业务或排队号。",
        "Say whom to divert: a service, or a ticket.",
    ),
    "divert_other_service": (
        "conflict",
        "排队号 {number} 等候的业务是“{service}”，不能按其他业务分流。",
        "Ticket {number} waits for '{service}': divert it with that service.",
    ),
    "no_day": ("conflict", "当前没有进行中的营业日。", "No business day is running: nothing to end."),
    "day_not_over": (
        "conflict",
        "营业日 {day} 尚未结束。",
        "The business day {day} is not over: it ends at the hall's day_ends.",
    ),
    "bad_config": ("invalid", "配置无效：{why}", "The change of settings is refused: {why}"),
    "fixed_setting": (
        "invalid",
        "“{key}”由 hall.toml 决定，不能在运行中修改。",
        "'{key}' is hall.toml's to say: change it there and start the hall again.",
    ),
    "bad_policy": (
        "invalid",
        "排队策略无效：{why}。{remedy}。",
        "The policy is refused: {why}. Remedy: {remedy}.",
    ),
    "no_policy_setting": (
        "invalid",
        "“{key}”不是排队策略的参数；可改 policy.…、class.等级.… 和 service.业务.… 中的策略参数。",
        "'{key}' is no parameter of the policy; those of policy.*, class.NAME.* and service.NAME.* are.",
    ),
    "unknown_policy_version": (
        "not_found",
        "没有策略版本 {version}；可选：{known}。",
        "There is no version {version} of the policy; known: {known}.",
    ),
    "unknown_message_class": (
        "invalid",
        "没有消息类别“{message_class}”；可选：{known}。",
        "There is no message class '{message_class}'; known: {known}.",
    ),
    "unknown_message": (
        "not_found",
        "没有消息 {message}；它可能已被清理。",
        "There is no message {message}; it may be forgotten already: see the message log.",
    ),
    "message_id_taken": (
        "conflict",
        "消息标识 {message} 已被使用。",
        "The message id {message} was used before: draw another.",
    ),
    "message_too_late": (
        "invalid",
        "消息在 {expired} 已失效，不再发送。",
        "The message was of use until {expired} only: it is not sent.",
    ),
    "message_not_failed": (
        "conflict",
        "消息 {message} 当前为“{state}”，只有发送失败的消息才能重发。",
        "Message {message} is {state}: only one that was given up can be tried again.",
    ),
    "not_wanted": (
        "conflict",
        "客户已退订“{message_class}”类消息，不发送。",
        "The customer does not want messages of the class '{message_class}': nothing is sent.",
    ),
    "no_consent": (
        "conflict",
        "客户没有订阅“{message_class}”类消息，不发送。",
        "The customer has not asked for messages of the class '{message_class}': nothing is sent.",
    ),
    "recipient_limit": (
        "conflict",
        "该客户 {hours} 小时内的“{message_class}”消息已达上限 {limit} 条，不再发送。",
        "{limit} messages to this customer within {hours} h are the limit (class '{message_class}').",
    ),
    "bad_channel_state": (
        "invalid",
        "通道状态“{status}”无效；可选：{known}。",
        "There is no channel state '{status}'; known: {known}.",
    ),
    "bad_kind": (
        "invalid",
        "“{field}”的值“{value}”无效；应为{allowed}。",
        "'{value}' is no {field}; allowed: {allowed}.",
    ),
    "data_too_large": (
        "invalid",
        "记录的数据有 {size} 字节；最多 {limit} 字节。",
        "The data to be kept has {size} bytes; allowed: {limit}.",
    ),
    "bad_text": (
        "invalid",
        "“{field}”为空、过长或含有无法显示的字符（应为 1 到 {limit} 个字符）。",
        "'{field}' is empty, too long or has characters that cannot be shown; allowed: 1 to {limit}.",
    ),
    "phone_in_text": (
        "invalid",
        "“{field}”中有手机号码：记录永不删除，不能写入号码，请去掉。",
        "'{field}' has a mobile number in it, and records are kept for ever: leave it out.",
    ),
}
"""code → kind, Chinese sentence, English sentence; the braces name what the refusal fills in."""


def refuse(code: str, keys: tuple[str, ...] = (), **facts: object) -> Refusal:
    """The refusal `code`, its sentences filled in (`Words` each in their own language); `keys` are the
    settings that are wrong.

    `KeyError` for a code that is not catalogued.
    """
    kind, zh, en = CATALOGUE[code]
    in_zh = {name: fact.zh if isinstance(fact, Words) else fact for name, fact in facts.items()}
    in_en = {name: fact.en if isinstance(fact, Words) else fact for name, fact in facts.items()}
    return Refusal(code=code, kind=kind, words=Words(zh=zh.format(**in_zh), en=en.format(**in_en)), keys=keys)
