"""Lines of devices from an MQTT broker: a topic for each device, its name the topic's last level.

What comes is in the store before the broker is told that it came; the broker keeps what comes while nobody listens, and
sends it again where it is not sure. Neither loses or doubles anything.
"""

import os
import queue
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kws.errors import DeviceError, KwsError
from kws.monitor.ingest import Counts, Feed
from kws.monitor.reading import now_ms
from kws.monitor.store import Store

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage
    from paho.mqtt.reasoncodes import ReasonCode

TOPIC = "kws/#"
CLIENT = "kws-monitor"
PASSWORD = "KWS_MQTT_PASSWORD"  # a variable of the environment
PORTS = {"mqtt": 1_883, "mqtts": 8_883}
WAIT_S = 0.2


@dataclass(frozen=True)
class Broker:
    """Where it is. user : or None; encrypted : by TLS."""

    host: str
    port: int
    user: str | None
    encrypted: bool


def broker_of(url: str) -> Broker:
    """mqtt://[user@]host[:port], or mqtts:// for TLS; the host alone will do. Raises KwsError for anything else."""
    try:
        parts = urlsplit(url if "://" in url else f"mqtt://{url}")
    except ValueError as error:
        raise KwsError(f"--mqtt {url}: is not an address ({error}); must be mqtt://[USER@]HOST[:PORT]") from error
    try:
        port = parts.port or PORTS[parts.scheme]
        if not parts.hostname or parts.password or parts.path not in ("", "/"):
            raise ValueError
    except (KeyError, ValueError) as error:
        raise KwsError(f"--mqtt {parts.scheme}://{parts.hostname or ''}: must be mqtt://[USER@]HOST[:PORT] or mqtts://…"
                       f"; a password comes from {PASSWORD}") from error
    return Broker(parts.hostname, port, parts.username, parts.scheme == "mqtts")


class Subscriber:
    """What a broker sends, as it comes."""

    def __init__(self, broker: Broker, *, topic: str = TOPIC):
        """Raises DeviceError if nobody answers, KwsError where the mqtt extra is not installed."""
        self._topic = topic
        self._messages: queue.SimpleQueue[MQTTMessage] = queue.SimpleQueue()
        self._refused: str | None = None
        self._client = client_of(broker)
        self._client.on_connect, self._client.on_message = self._connected, self._came
        try:
            self._client.connect(broker.host, broker.port)
        except OSError as error:
            raise DeviceError(f"{broker.host}:{broker.port}: no MQTT broker answers ({error}); is it running?"
                              ) from error
        self._client.loop_start()

    def _connected(self, client: "Client", data: object, flags: object, reason: "ReasonCode",
                   properties: object) -> None:
        if reason.is_failure:
            self._refused = str(reason)
        else:
            client.subscribe(self._topic, qos=1)

    def _came(self, client: "Client", data: object, message: "MQTTMessage") -> None:
        self._messages.put(message)

    def next(self) -> "MQTTMessage | None":
        """The next message, or None if none comes for a moment. Raises DeviceError if the broker refuses."""
        if self._refused:
            raise DeviceError(f"the MQTT broker refuses: {self._refused}; check the user name and {PASSWORD}")
        try:
            message: MQTTMessage = self._messages.get(timeout=WAIT_S)
        except queue.Empty:
            return None
        return message

    def done(self, message: "MQTTMessage") -> None:
        """It is stored: the broker may forget it."""
        self._client.ack(message.mid, message.qos)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def client_of(broker: Broker) -> "Client":
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError as error:
        raise KwsError("--mqtt needs the mqtt extra; install it with: pip install 'kws[mqtt]', "
                       "in a clone: pip install '.[mqtt]'") from error
    client = Client(CallbackAPIVersion.VERSION2, client_id=CLIENT, clean_session=False, manual_ack=True)
    if broker.encrypted:
        client.tls_set()
    if broker.user:
        client.username_pw_set(broker.user, os.environ.get(PASSWORD))
    return client


def ingest_mqtt(store: Store, broker: Broker, *, topic: str = TOPIC, seconds: float | None = None) -> Counts:
    """Put what comes into the store until Ctrl-C, or for `seconds`."""
    subscriber, feeds = Subscriber(broker, topic=topic), dict[str, Feed]()
    end_s = time.monotonic() + seconds if seconds is not None else float("inf")
    try:
        while time.monotonic() < end_s:
            if (message := subscriber.next()) is not None:
                device = message.topic.rsplit("/", 1)[-1] or "device"
                feed = feeds.setdefault(device, Feed(store, device=device))
                for line in bytes(message.payload).split(b"\n"):
                    feed.push(line, None if message.retain else now_ms())
                feed.write()
                subscriber.done(message)
    except KeyboardInterrupt:
        pass
    finally:
        for feed in feeds.values():
            feed.end()
        subscriber.close()
    return added(feed.counts for feed in feeds.values())


def added(counts: Iterable[Counts]) -> Counts:
    """Of several devices together."""
    total = Counts()
    for one in counts:
        total = replace(total, **{name: getattr(total, name) + getattr(one, name) for name in vars(total)})
    return total
