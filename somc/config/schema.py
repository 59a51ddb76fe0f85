"""Every table and key of hall.toml, as data: what is read, what is allowed, and what the reference page says.

What must stay true
- This is the only list of keys. `load` reads by it, docs/reference/configuration.md is checked against it.
- A default that is not None is written into the settings, so that a journal does not change its meaning
  with a newer SOMC's defaults.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from somc.config.hours import (
    CLOSED_DATES,
    DAYS,
    EVERY_DAY,
    SPANS,
    ClosedDate,
    DayTime,
    Hours,
    TimeZone,
    WeekDay,
)
from somc.config.kinds import (
    LANGUAGES,
    Choice,
    DeviceUrl,
    Fields,
    FilePath,
    Free,
    GridPlace,
    Host,
    Kind,
    Limits,
    ListOf,
    MapOf,
    Offered,
    Pattern,
    Rate,
    Switch,
    WebUrl,
    Whole,
    WordsPair,
)
from somc.domain.values import MESSAGE_CLASSES, NEVER_QUIET
from somc.scheduler.interface import SHARE_LIMIT
from somc.scheduler.kinds import BUILT_IN
from somc.scheduler.policy import BOOST_LIMIT, DEFAULT_KIND

__all__ = ["REQUIRED", "TABLES", "Key", "Table", "reference_rows"]

REQUIRED: Final = "required"
"""The default of a key that must be there."""

DAY_S = 86_400
BUILT_IN_KINDS = tuple(BUILT_IN)

NAME = Pattern(
    r"[a-z][a-z0-9_-]{0,39}", "a name of small letters, digits, - and _ that begins with a letter", "name"
)
ORG = Pattern(
    r"[a-z0-9-]{1,40}(/[a-z0-9-]{1,40}){0,7}",
    'a path of small letters, digits and - such as "company/branch/district/hall"',
    "path",
)
COUNTER_NUMBER = Pattern(r"[1-9]\d{0,2}", "a counter number from 1 to 999 without leading zeros", "number")
PLACE = Pattern(r"[^\x00-\x1f\x7f]{1,40}", "a text of 1 to 40 characters on one line")
PREFIX = Pattern("[A-Z]{1,2}", "one or two capital letters A-Z")
WAIT = Whole(1, DAY_S, "seconds")
SLOT_S = Whole(300, 14_400, "seconds")
CAPACITY = Whole(0, 1000, "places")
LEAD_S = Whole(0, 7 * DAY_S, "seconds")
HORIZON_DAYS = Whole(1, 366, "days")


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `default` is what the file might have said; `default_words` is for the reference page where
    the default is not a plain value. `into` is its name in the settings where that differs."""

    name: str
    kind: Kind
    default: Any
    meaning: str
    default_words: str = ""
    into: str = ""

    @property
    def field(self) -> str:
        return self.into or self.name


@dataclass(frozen=True, slots=True)
class Table:
    """One table, or with `entry` a family of tables `[name.ENTRY]`; `least` is how many there must be. With
    `below`, the keys are those of `[name.ENTRY.below]`, and all else in `[name.ENTRY]` is another's to check.
    """

    name: str
    keys: tuple[Key, ...]
    entry: Kind | None = None
    entry_word: str = "NAME"
    least: int = 0
    below: str | None = None

    @property
    def heading(self) -> str:
        if self.below is not None:
            return f"[{self.name}.{self.entry_word}.{self.below}]"
        return f"[{self.name}.{self.entry_word}]" if self.entry else f"[{self.name}]"


HALL = Table(
    "hall",
    (
        Key(
            "org",
            ORG,
            REQUIRED,
            "The hall's place in the organisation, the hall itself last: company/branch/district/hall",
        ),
        Key("name", WordsPair(), REQUIRED, "What the hall is called on slips and screens"),
        Key(
            "timezone",
            TimeZone(),
            REQUIRED,
            "The hall's clock: opening hours and the end of the day follow it",
        ),
        Key(
            "day_ends",
            DayTime(),
            "04:00",
            "When the business day ends: numbers begin again, who still waits expires",
            into="day_ends_s",
        ),
        Key("max_recalls", Whole(0, 20), 3, "A recall beyond so many makes the ticket a no-show"),
        Key(
            "rating_window_s",
            Whole(1, 86_400),
            600,
            "How long after its end a service can be rated (评价), in seconds",
        ),
        Key(
            "default_class",
            NAME,
            REQUIRED,
            "The customer class of everybody who is not identified: a [class.NAME]",
        ),
        Key(
            "customer_table",
            FilePath(),
            None,
            "A CSV file `phone,class` that says which number is of which class",
        ),
        Key("data", FilePath(), "data", "The folder of the journal and of all else the hall writes"),
    ),
    least=1,
)

HOURS = Table(
    "hours",
    (
        Key(
            EVERY_DAY,
            SPANS,
            None,
            "The hours of every day that has no key of its own",
            "closed; without any day named: always open",
        ),
        *(
            Key(day, SPANS, None, f"The hours on {day.capitalize()}; `[]` is closed", "every_day")
            for day in DAYS
        ),
        Key("closed_dates", CLOSED_DATES, [], "Dates on which the hall stays closed"),
    ),
)

CALENDAR = Table(
    "calendar",
    (
        Key(
            "hours",
            SPANS,
            None,
            "The hall's hours on this date; `[]` is closed; this or `like`",
            into="spans",
        ),
        Key("like", WeekDay(), None, "The hours of that day of the week, for the hall and every service"),
        Key("name", WordsPair(), None, "What the date is, such as a holiday's name"),
    ),
    entry=ClosedDate(),
    entry_word="DATE",
)

CLASS = Table(
    "class",
    (
        Key("name", WordsPair(), REQUIRED, "What the class is called"),
        Key("priority", Whole(1, 99), 1, "Under `strict`: who is served first, 1 before 2"),
        Key(
            "rate",
            Rate(0.001, 1000),
            1.0,
            "Under `accumulating`: how fast waiting counts against that of the other classes",
            into="rate_milli",
        ),
        Key("target_wait_s", WAIT, 600, "The wait promised to this class"),
        Key(
            "weight",
            Rate(0.001, 1000),
            None,
            "Under `gcmu`: what a minute of its waiting costs against that of the other classes",
            "1 / `target_wait_s` in minutes",
            into="weight_milli",
        ),
        Key(
            "share",
            Whole(1, SHARE_LIMIT),
            1,
            "Under `ratio`: its calls for every call of a class with share 1, while both wait",
        ),
        Key(
            "max_wait_s",
            WAIT,
            None,
            "Whoever of this class waited longer comes before everybody else",
            "`policy.max_wait_s`",
        ),
        Key(
            "warn_lead_s",
            Whole(0, DAY_S, "seconds"),
            120,
            "A warning so long before the promised wait is over; 0 is no warning",
        ),
        Key(
            "boost_after_s",
            WAIT,
            None,
            "Under `accumulating` and `gcmu`: beyond so long a wait, waiting counts `boost` times as fast",
            "no boost",
        ),
        Key(
            "boost",
            Rate(1, BOOST_LIMIT / 1000),
            2.0,
            "How many times as fast, with `boost_after_s`",
            into="boost_milli",
        ),
        Key(
            "reserved_idle",
            Whole(0, 99, "counters"),
            0,
            "So many idle `auto` counters are kept free for this class",
        ),
    ),
    entry=NAME,
    least=1,
)

SERVICE = Table(
    "service",
    (
        Key("name", WordsPair(), REQUIRED, "What the service is called"),
        Key("prefix", PREFIX, REQUIRED, "What its numbers begin with; another one for each service"),
        Key("mean_service_s", WAIT, 300, "How long one customer takes on average; estimates are made of it"),
        Key("group", WordsPair(), None, "The heading under which the kiosk shows it"),
        Key("papers", ListOf(WordsPair()), [], "What the customer should have at hand; printed on the slip"),
        Key(
            "target_wait_s",
            MapOf("class", WAIT),
            {},
            "The promise per class where it differs from the class's own",
        ),
        Key(
            "weight",
            MapOf("class", Rate(0.001, 1000)),
            {},
            "The weight per class where it differs from the class's own",
        ),
        Key(
            "max_wait_s",
            MapOf("class", WAIT),
            {},
            "The longest wait per class where it differs from the class's own",
        ),
        Key(
            "max_waiting",
            Whole(1, 100_000, "tickets"),
            None,
            "No more tickets while so many wait",
            "no limit",
        ),
        Key(
            "daily_limit",
            Whole(1, 100_000, "tickets"),
            None,
            "No more tickets once so many were taken on a day",
            "no limit",
        ),
        Key(
            "hours",
            Hours(),
            None,
            "When this service is offered, narrower than the hall's hours",
            "the hall's hours",
        ),
        Key(
            "slots",
            Fields(
                (
                    ("slot_s", SLOT_S),
                    ("capacity", CAPACITY),
                    ("lead_s", LEAD_S),
                    ("horizon_days", HORIZON_DAYS),
                )
            ),
            {},
            "Its appointments where they differ from the keys of the same names in [appointments]",
        ),
    ),
    entry=NAME,
    least=1,
)

COUNTER = Table(
    "counter",
    (
        Key("name", WordsPair(), None, "What the counter is called", "N号台席 / Counter N"),
        Key(
            "skills",
            MapOf("service", Whole(1, 9), least=1),
            REQUIRED,
            "The services it serves, each with its preference level, 1 first",
        ),
        Key(
            "mode",
            Choice(("manual", "auto")),
            "manual",
            "Whether its agent calls, or whoever is next is called by itself when it is free",
        ),
        Key(
            "overflow_s",
            MapOf("service", WAIT),
            {},
            "A service is served here only for customers who have waited so long",
        ),
        Key(
            "reserved_for",
            ListOf(NAME),
            [],
            "The customer classes this counter is for",
            "everybody",
        ),
        Key(
            "opens_after_s",
            WAIT,
            None,
            "With `reserved_for`: customers of other classes are called here once they have waited so long, "
            "and while none of these classes waits",
            "never",
        ),
        Key(
            "at",
            GridPlace(),
            None,
            "Where it stands on the floor plan of the hall monitor",
            "in a row, by number",
        ),
    ),
    entry=COUNTER_NUMBER,
    entry_word="N",
    least=1,
)

POLICY = Table(
    "policy",
    (
        Key(
            "kind",
            Offered("policy kind", BUILT_IN_KINDS, "enabled plugins bring"),
            DEFAULT_KIND,
            "How the next customer is chosen",
        ),
        Key(
            "max_wait_s",
            Whole(0, DAY_S, "seconds"),
            2100,
            "Whoever waited longer comes before everybody else, the oldest first; 0 is no such limit",
        ),
        Key(
            "alpha",
            Rate(0, 1),
            1.0,
            "Under `gcmu`: how much short work goes first, from 0 (not at all) to 1",
            into="alpha_milli",
        ),
        Key(
            "distribution",
            Choice(("longest_idle", "lowest_level", "fixed_order")),
            "longest_idle",
            "Which of several idle `auto` counters is given the next customer",
        ),
        Key(
            "target_utilisation",
            Rate(0.5, 0.99),
            0.9,
            "How busy counters should be: the advice how many to open aims at it",
            into="target_utilisation_milli",
        ),
        Key(
            "behind",
            Whole(0, 999, "tickets"),
            3,
            "A called customer who did not come may return behind so many of the same line; 0: not offered",
        ),
    ),
)

ALERTS = Table(
    "alerts",
    (
        Key(
            "long_wait_s",
            WAIT,
            None,
            "A mean wait beyond this (of those who wait and those called within the window) is a warning",
            "no such warning",
        ),
        Key(
            "peak_per_hour",
            Whole(1, 100_000, "tickets"),
            None,
            "More arrivals an hour than this are a warning",
            "no such warning",
        ),
        Key("window_s", Whole(60, 14_400, "seconds"), 1800, "Arrivals and calls of so long ago count"),
    ),
)

APPOINTMENTS = Table(
    "appointments",
    (
        Key(
            "early_s",
            Whole(0, DAY_S, "seconds"),
            300,
            "From so long before the booked time on a booked customer may be called",
        ),
        Key(
            "late_s",
            Whole(0, DAY_S, "seconds"),
            600,
            "Whoever checks in later than this after the booked time is an ordinary walk-in",
        ),
        Key(
            "credit_s",
            Whole(0, DAY_S, "seconds"),
            2100,
            "How far a booked customer is ahead of walk-ins of the same class, as waiting time",
        ),
        Key("slot_s", SLOT_S, 900, "How long a slot is; the first begins when the hours do"),
        Key("capacity", CAPACITY, 0, "So many places a slot of each service has; 0 is no appointments"),
        Key("lead_s", LEAD_S, 1800, "A slot is booked no later than so long before it begins"),
        Key("horizon_days", HORIZON_DAYS, 14, "Slots are offered so many days ahead, today included"),
        Key(
            "check_in_early_s",
            Whole(0, DAY_S, "seconds"),
            3600,
            "Check-in opens so long before the booked time",
        ),
        Key(
            "missed_s",
            Whole(0, DAY_S, "seconds"),
            1800,
            "Whoever has not checked in so long after it (but no sooner than `late_s`) has missed it",
        ),
        Key(
            "confirm_s",
            Whole(60, 7 * DAY_S, "seconds"),
            None,
            "A booking that the customer does not confirm within so long expires",
            "nothing is to be confirmed",
        ),
        Key(
            "offer_s",
            Whole(60, DAY_S, "seconds"),
            1800,
            "A freed place is kept so long for whoever is next on the waiting list",
        ),
        Key(
            "waiting_list",
            Whole(0, 1000, "people"),
            20,
            "So many may stand on the waiting list of one service; 0 is no list",
        ),
        Key(
            "open_limit",
            Whole(0, 1000, "appointments"),
            3,
            "So many appointments one customer may have ahead (a block counts as one); 0 is no limit",
        ),
        Key("block_limit", Whole(1, 100, "places"), 10, "So many places may be booked at once"),
        Key(
            "remind_s",
            ListOf(Whole(60, 14 * DAY_S, "seconds")),
            [],
            "So long before the booked time the customer is reminded, once for each",
        ),
    ),
)

ESTIMATES = Table(
    "estimates",
    (
        Key(
            "means",
            Choice(("learned", "configured")),
            "learned",
            "Whether expected waits follow the services as they were, or `mean_service_s`",
        ),
    ),
)

MEDIA_FILE = Pattern(
    r"[\w-][\w .-]{0,119}\.(?:png|jpe?g|webp|svg|gif|mp4|webm)",
    "the name of a picture (png, jpg, webp, svg, gif) or video (mp4, webm) in the media folder",
    "file name",
)

DISPLAY = Table(
    "display",
    (
        Key("notices", ListOf(WordsPair()), [], "Announcements on the hall display's page, in turn"),
        Key("media", ListOf(MEDIA_FILE), [], "Pictures and videos on the hall display's page, in turn"),
        Key("picture_s", WAIT, 12, "How long a picture stands; a video plays to its end"),
        Key("media_folder", FilePath(), "media", "The folder of these files"),
    ),
)

MESSAGES = Table(
    "messages",
    (
        Key(
            "quiet_from",
            DayTime(),
            "22:00",
            "When quiet hours begin on the hall's clock; the same as `quiet_until`: there are none",
            into="quiet_from_s",
        ),
        Key(
            "quiet_until",
            DayTime(),
            "07:00",
            "When they end: what they held leaves then, with the time at which it was made",
            into="quiet_until_s",
        ),
        Key(
            "quiet_classes",
            ListOf(Choice(tuple(name for name in MESSAGE_CLASSES if name not in NEVER_QUIET))),
            ["dunning", "marketing", "reminder"],
            "The classes of messages that quiet hours hold",
        ),
        Key(
            "per_hour",
            Whole(1, 1000, "messages"),
            10,
            "No more messages to one customer within an hour; alarms to staff are not counted",
        ),
        Key(
            "per_day",
            MapOf("class", Whole(0, 1000, "messages")),
            {},
            "No more messages of a class to one person within 24 hours",
        ),
        Key(
            "consent",
            ListOf(Choice(tuple(name for name in MESSAGE_CLASSES if name not in NEVER_QUIET))),
            ["marketing"],
            "The classes that only those get who asked for them",
        ),
        Key("attempts", Whole(1, 50), 8, "A message that gateways refused so often is given up"),
        Key("retry_s", WAIT, 30, "The pause after the first refusal; it doubles with each"),
        Key("retry_most_s", WAIT, 3600, "The longest pause"),
        Key(
            "near_turn",
            Whole(0, 99, "people"),
            0,
            "A customer whose number is known is told when so many are ahead; 0: nobody is told",
        ),
        Key("language", Choice(LANGUAGES), "zh", "The language of messages"),
        Key(
            "gateway_down_s",
            Whole(0, DAY_S, "seconds"),
            300,
            "A gateway that is down for so long is an alert; 0: never",
        ),
    ),
)

TEMPLATE = Table(
    "template",
    (
        Key(
            "text",
            WordsPair(500),
            REQUIRED,
            "The words; in braces what is filled in, for SOMC's own templates only what they know",
        ),
        Key(
            "class",
            Choice(MESSAGE_CLASSES),
            None,
            "What messages of this template are for",
            '`"notice"`, or the class of SOMC\'s own template',
        ),
    ),
    entry=NAME,
)

DUTIES = ("alerts", "devices", "channels")

STAFF = Table(
    "staff",
    (
        Key(
            "phone",
            Pattern(r"\+?[0-9]{5,20}", "a number of 5 to 20 digits, with an optional + in front"),
            REQUIRED,
            "Where messages reach this member of the staff",
        ),
        Key("language", Choice(LANGUAGES), "zh", "The language of these messages"),
        Key(
            "duties",
            ListOf(Choice(DUTIES), least=1),
            ["alerts"],
            "What they are told of: `alerts` of tickets and hall, `devices` and `channels` that are down",
        ),
        Key("devices", ListOf(NAME), [], "Of which device classes, with the duty `devices`", "all of them"),
        Key(
            "on_duty",
            Hours(),
            None,
            "When: of those on duty the first of this file is told",
            "always",
        ),
    ),
    entry=NAME,
)

SERVER = Table(
    "server",
    (
        Key("host", Host(), "127.0.0.1", "The address the hall listens on"),
        Key("port", Whole(0, 65_535), 8080, "The port it listens on; 0 picks a free one"),
        Key(
            "public_url",
            WebUrl(),
            None,
            "The address browsers use when it is another, as behind a proxy",
            "http://HOST:PORT",
        ),
    ),
)

PUBLIC = Table(
    "public",
    (
        Key("queue", Switch(), False, "Whether anybody may see how many wait and for how long"),
        Key(
            "halls",
            FilePath(),
            None,
            "The directory of halls, for the view of near and idle halls",
            "no directory",
        ),
        Key("per_minute", Whole(1, 100_000, "requests"), 120, "So often one address may ask"),
        Key("refresh_s", Whole(5, 3600, "seconds"), 30, "The lines of other halls are asked for so often"),
        Key(
            "idle_s",
            Whole(0, DAY_S, "seconds"),
            600,
            "A hall in which nobody would wait longer is called idle (空闲)",
        ),
    ),
)

DEVICE = Table(
    "device",
    (
        Key("driver", NAME, REQUIRED, "The driver that speaks the device's language"),
        Key("url", DeviceUrl(), None, "Where the device is; this or `simulated`", "none"),
        Key(
            "simulated",
            Choice(("pty", "tcp")),
            None,
            "A simulated device behind a terminal or a TCP port; this or `url`",
            "none",
        ),
        Key("counter", Whole(1, 999), None, "The counter it stands at", "none"),
        Key(
            "place",
            PLACE,
            None,
            "Where it is in the hall; keypad, scanner and card reader of one place are one kiosk",
            "none",
        ),
        Key(
            "limits",
            Limits(("temperature", "voltage")),
            {},
            "Of a hardware monitor: which readings are good; one beyond is a fault of the device",
        ),
        Key("options", Free(), {}, "What the driver wants to know besides"),
    ),
    entry=NAME,
)

IDLE, PAUSED, CLOSED = "欢迎光临 / WELCOME", "暂停服务 / PAUSED", "停止服务 / CLOSED"
"""As the boards word them; said here for the reference."""

ANNOUNCEMENTS = Table(
    "announcements",
    (
        Key(
            "languages",
            ListOf(Choice(LANGUAGES), least=1),
            ["zh", "en"],
            "The languages of a call, in this order",
        ),
        Key("repeat", Whole(1, 5), 1, "How often a call is spoken"),
        Key(
            "stale_after_s",
            Whole(1, 3600, "seconds"),
            30,
            "After a restart, calls and slips older than this are not spoken and not printed any more",
        ),
        Key("idle", WordsPair(), None, "What the strip of an open counter shows when nobody is there", IDLE),
        Key("paused", WordsPair(), None, "What the strip of a paused counter shows", PAUSED),
        Key("closed", WordsPair(), None, "What the strip of a closed counter shows", CLOSED),
        Key(
            "footer",
            WordsPair(),
            None,
            "The hall display's last line if it counts nobody",
            "the hall's name",
        ),
        Key("footer_waiting", Switch(), True, "Whether that line says how many wait for each service"),
        Key(
            "rating_wait_s",
            Whole(1, 600, "seconds"),
            30,
            "How long a customer is asked for a rating (评价) at the counter; then it is kept as not rated",
        ),
    ),
)

VISITORS = Table(
    "visitors",
    (
        Key("enabled", Switch(), False, "Whether simulated people come: for demonstrations only"),
        Key("per_hour", Whole(1, 3600, "people"), 60, "How many come in an hour on average"),
        Key("patience_s", WAIT, None, "After how long a wait somebody leaves on average", "nobody leaves"),
        Key("agents", Switch(), True, "Whether simulated agents open the counters and serve"),
        Key(
            "services",
            MapOf("service", Whole(0, 1000, "shares")),
            {},
            "The shares of the services among the visitors",
            "equal shares",
        ),
        Key(
            "classes",
            MapOf("class", Whole(0, 1000, "shares")),
            {},
            "The shares of the classes among the visitors",
            "equal shares",
        ),
        Key("seed", Whole(0, 2**63 - 1), 1, "The same seed brings the same people"),
    ),
)

PLUGINS = Table(
    "plugins",
    (
        Key("enabled", ListOf(NAME), [], "The plugins that are switched on"),
        Key(
            "paths",
            ListOf(FilePath()),
            [],
            "Folders or files with plugins that are not installed: for those under development",
        ),
    ),
)

PLUGIN = Table(
    "plugin",
    (
        Key(
            "isolation",
            Choice(("in-process", "process")),
            None,
            "Whether the plugin works in the hall's process or in one of its own, which can be ended",
            "as its author advises",
        ),
        Key(
            "deadline_ms",
            Whole(10, 10_000, "milliseconds"),
            None,
            "How long it may take to identify a customer; what it contributes has a third of that",
            "300",
        ),
        Key(
            "memory_mb",
            Whole(64, 65_536, "megabytes"),
            1024,
            "The address space of its own process; what asks for more fails",
        ),
    ),
    entry=NAME,
    below="host",
)

TABLES: Final = (
    HALL,
    HOURS,
    CALENDAR,
    CLASS,
    SERVICE,
    COUNTER,
    POLICY,
    ALERTS,
    APPOINTMENTS,
    ESTIMATES,
    DISPLAY,
    MESSAGES,
    TEMPLATE,
    STAFF,
    SERVER,
    PUBLIC,
    DEVICE,
    ANNOUNCEMENTS,
    VISITORS,
    PLUGINS,
    PLUGIN,
)


def reference_rows() -> Iterator[tuple[str, str, str, str, str]]:
    """One row for each key: dotted key, type, default, allowed, meaning."""
    for table in TABLES:
        stem = table.heading.strip("[]")
        for key in table.keys:
            yield f"{stem}.{key.name}", key.kind.type, _default_words(key), key.kind.allowed, key.meaning


def _default_words(key: Key) -> str:
    if key.default is REQUIRED or key.default_words:
        return key.default_words or REQUIRED
    match key.default:
        case None:
            return "none"
        case bool():
            return f"`{str(key.default).lower()}`"
        case str():
            return f'`"{key.default}"`'
        case dict():
            return "none"
        case list():
            return f"`{key.default}`".replace("'", '"')
    return f"`{key.default}`"
