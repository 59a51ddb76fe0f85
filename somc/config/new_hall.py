"""The files of a new deployment, as `somc init` writes them: texts only, nothing is written here.

What must stay true: the hall.toml written here loads without a fault, on any machine.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["CUSTOMERS", "CUSTOMERS_NAME", "HALL", "HALL_NAME", "UNIT_NAME", "systemd_unit"]

HALL_NAME = "hall.toml"
CUSTOMERS_NAME = "customers.csv"
UNIT_NAME = "somc.service"

HALL = """\
# The configuration of one service hall. After a change: somc check hall.toml
# Lines that begin with # are comments; keys that stand in one show what else there is.

[hall]
org = "company/branch/district/hall"    # the hall's place in the organisation, the hall itself last
name = { zh = "营业厅", en = "Service hall" }
timezone = "Asia/Shanghai"
default_class = "standard"              # the class of whoever is not in the customer table
customer_table = "customers.csv"        # which number is of which class
data = "data"                           # the folder of the journal, beside this file
# day_ends = "04:00"                    # numbers begin again, who still waits expires
# max_recalls = 3                       # one more makes the ticket a no-show
# rating_window_s = 600                 # how long after its end a service can be rated

# Without [hours] the hall is always open.
# [hours]
# every_day = ["08:30-12:00", "13:30-17:30"]
# sun = []                              # closed
# closed_dates = ["2026-10-01"]

# -- Customer classes: whose waiting counts how much ----------------------------------------------

[class.vip]
name = { zh = "贵宾客户", en = "VIP" }
target_wait_s = 600                     # the promise; the shorter, the faster waiting counts
# weight = 0.2                          # a weight of its own instead of 1 / promise in minutes
# max_wait_s = 1500                     # its own longest wait
# warn_lead_s = 120                     # a warning so long before the promise is missed
# boost_after_s = 480                   # from then on waiting counts twice as fast
# boost = 2.0
# reserved_idle = 0                     # so many idle automatic counters are kept free for it
# priority = 1                          # under "strict"
# rate = 1.5                            # under "accumulating"
# share = 3                             # under "ratio"

[class.standard]
name = { zh = "普通客户", en = "Standard" }
target_wait_s = 900

[policy]
kind = "gcmu"                           # fifo | strict | accumulating | deadline | ratio | gcmu
max_wait_s = 2100                       # beyond it whoever came first is next
# alpha = 1.0                           # how much short work goes first, 0 to 1
# distribution = "longest_idle"         # longest_idle | lowest_level | fixed_order, among automatic counters
# target_utilisation = 0.9              # for the advice how many counters to open
# behind = 3                            # behind how many a called customer who did not come waits again

# [alerts]
# long_wait_s = 600                     # a warning to the manager when the mean wait is beyond this
# peak_per_hour = 90                    # and when more people come than this

# -- Services: what customers come for ------------------------------------------------------------

[service.payment]
name = { zh = "缴费", en = "Payment" }
prefix = "A"                            # its numbers: A001, A002, ...
mean_service_s = 180                    # estimates are made of it
# group = { zh = "日常业务", en = "Everyday" }
# papers = [{ zh = "身份证", en = "Identity card" }]
# target_wait_s = { vip = 300 }         # where the promise differs from the class's own
# weight = { vip = 0.3 }                # likewise weight and longest wait
# max_wait_s = { vip = 1200 }
# max_waiting = 40
# daily_limit = 200
# hours = { mon = ["09:00-11:00"] }

[service.general]
name = { zh = "综合业务", en = "General" }
prefix = "B"
mean_service_s = 420

# -- Counters: services with their preference level, 1 first --------------------------------------

[counter.1]
skills = { payment = 1 }

[counter.2]
skills = { general = 1, payment = 2 }
# name = { zh = "2号台席", en = "Counter 2" }
# mode = "auto"                         # when free, it is given its next customer
# overflow_s = { payment = 300 }        # helps with payments that have waited five minutes
# reserved_for = ["vip"]                # for these classes, and for others ...
# opens_after_s = 600                   # ... once they have waited ten minutes

# -- Server, devices, announcements ---------------------------------------------------------------

[server]
host = "127.0.0.1"                      # "0.0.0.0" lets other machines in
port = 8080
# public_url = "https://hall.example.com"

# A device has the address of a real one, or is simulated.
# [device.printer]
# driver = "escpos"
# url = "tcp://192.168.1.20:9100"
#
# [device.strip-1]
# driver = "reference-strip"
# simulated = "pty"
# counter = 1

[announcements]
languages = ["zh", "en"]
# repeat = 1
# stale_after_s = 30

[plugins]
enabled = ["standard_devices"]          # printers, displays, announcers and keypads
"""

CUSTOMERS = """\
# Which number is of which customer class. An exact number goes before a prefix such as 1390*.
phone,class
# 13800138000,vip
# 1390*,vip
"""


def systemd_unit(folder: Path, executable: Path) -> str:
    """The unit that runs the hall in `folder` with the `somc` at `executable` (both absolute)."""
    return f"""\
# Installed by: sudo systemctl link {_shell_word(folder / UNIT_NAME)} && sudo systemctl enable --now somc
[Unit]
Description=SOMC service hall
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
# The account that owns the data folder; without the line below the hall runs as root.
# User=somc
WorkingDirectory={_unit_path(folder)}
ExecStart={_unit_word(executable)} run {_unit_word(folder / HALL_NAME)}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
# A clean stop finishes what is under way; it takes a few seconds at most.
TimeoutStopSec=30

[Install]
WantedBy=multi-user.target
"""


def _unit_path(path: Path) -> str:
    # A path setting takes the rest of the line as it is; only % would be read as a specifier.
    return str(path).replace("%", "%%")


def _unit_word(path: Path) -> str:
    """One word of a command line in a unit file (systemd.service, "Command lines"): quoted, with `$`, `%` and
    the quoting characters escaped."""
    words = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + words.replace("%", "%%").replace("$", "$$") + '"'


def _shell_word(path: Path) -> str:
    return "'" + str(path).replace("'", "'\\''") + "'"
