"""Prometheus metrics: read from the hall when they are asked for, counted nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from somc.domain.values import ALERT_KINDS, CounterState
from somc.runtime.garbage import PAUSES
from somc.runtime.hall import Hall
from somc.server.live import LiveFeed

__all__ = ["Metrics"]


class Metrics(Collector):
    """The hall's figures for an operator's monitoring. Names begin with `somc_`."""

    CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

    def __init__(self, hall: Hall, feed: LiveFeed) -> None:
        self._hall = hall
        self._feed = feed
        self.hall_link: Callable[[], bool] | None = None
        """Of a process that only reads: whether the hall's own answers."""
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def exposition(self) -> bytes:
        """The text exposition format 0.0.4."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        hall = self._hall
        state, journal = hall.state, hall.journal
        stats = journal.stats()
        yield CounterMetricFamily("somc_commands", "Commands carried out", value=hall.decided)
        yield CounterMetricFamily("somc_refusals", "Commands refused by a rule", value=hall.refused)
        yield GaugeMetricFamily("somc_journal_seq", "Last record on disk", value=journal.head)
        yield CounterMetricFamily("somc_journal_commits", "Commits, each with one sync", value=stats.commits)
        yield CounterMetricFamily("somc_journal_commit_seconds", "In commits", value=stats.total_commit_s)
        waiting = GaugeMetricFamily("somc_waiting", "Tickets waiting", labels=["service", "customer_class"])
        for service in state.hall.services:
            for kind in state.hall.classes:
                waiting.add_metric([service, kind], state.queues.waiting(service, kind))
        yield waiting
        counters = GaugeMetricFamily("somc_counters", "Counters by state", labels=["state"])
        for each in CounterState:
            counters.add_metric([each], sum(1 for c in state.counters.values() if c.state is each))
        yield counters
        alerts = GaugeMetricFamily("somc_alerts_open", "Alerts to be looked at", labels=["kind"])
        for kind in ALERT_KINDS:
            standing = sum(1 for a in state.alerts.values() if a.kind == kind and a.open)
            alerts.add_metric([kind], standing)
        yield alerts
        devices = GaugeMetricFamily("somc_device_online", "1 while the device serves", labels=["device"])
        for device in state.devices.values():
            devices.add_metric([device.name], float(device.status == "online"))
        yield devices
        messages = GaugeMetricFamily(
            "somc_messages", "Messages by state, of those remembered", labels=["state"]
        )
        for name, count in state.outbox.counts().items():
            messages.add_metric([name], count)
        yield messages
        channels = GaugeMetricFamily(
            "somc_channel_up", "1 while the channel takes messages", labels=["channel"]
        )
        for channel in state.channels.values():
            channels.add_metric([channel.name], float(channel.status == "up"))
        yield channels
        yield from self._of_feed()
        if self.hall_link is not None:
            yield GaugeMetricFamily(
                "somc_hall_link", "1 while the hall's process answers", value=float(self.hall_link())
            )
        yield CounterMetricFamily(
            "somc_gc_pause_seconds", "Time that Python's collector took", value=PAUSES.total_s
        )
        yield GaugeMetricFamily(
            "somc_gc_longest_pause_seconds", "The longest of its pauses", value=PAUSES.longest_s
        )
        native = GaugeMetricFamily("somc_scheduler_info", "The scheduler in use", labels=["implementation"])
        native.add_metric([state.scheduler.implementation], 1.0)
        yield native

    def _of_feed(self) -> Iterator[Metric]:
        clients, counts = self._feed.clients, self._feed.hub.counts
        behind = [client for client in clients if client.behind]
        yield GaugeMetricFamily("somc_clients", "Open live feeds", value=len(clients))
        yield GaugeMetricFamily("somc_feed_behind", "Feeds whose socket takes no more", value=len(behind))
        yield GaugeMetricFamily(
            "somc_feed_buffered_bytes",
            "Held in memory for feeds that are behind",
            value=sum(client.buffered_bytes for client in clients),
        )
        yield CounterMetricFamily("somc_feed_messages", "Messages sent to live feeds", value=counts.messages)
        yield CounterMetricFamily("somc_feed_bytes", "Bytes sent to live feeds", value=counts.bytes)
        yield CounterMetricFamily(
            "somc_feed_conflated", "Records and figures that something newer replaced", value=counts.conflated
        )
        yield CounterMetricFamily(
            "somc_feed_resyncs", "Snapshots sent to feeds that fell behind", value=counts.resyncs
        )
        shed = CounterMetricFamily("somc_feed_shed", "Feeds closed or refused", labels=["why"])
        for why, count in (
            ("slow", counts.shed_slow),
            ("busy", counts.shed_busy),
            ("token", counts.ended),
        ):
            shed.add_metric([why], count)
        yield shed
