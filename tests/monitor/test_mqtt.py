"""A real mosquitto: what devices publish is stored, also what they publish while nobody listens."""

import shutil
import socket
import subprocess
import threading

import pytest

from kws.errors import DeviceError, KwsError
from kws.monitor.mqtt import Broker, broker_of, ingest_mqtt
from kws.monitor.store import Store
from tests.helpers.waiting import wait_until

mqtt = pytest.importorskip("paho.mqtt.client", reason="the mqtt extra is not installed")
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture
def broker(tmp_path):
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    port = free_port()
    (tmp_path / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    server = subprocess.Popen([MOSQUITTO, "-c", str(tmp_path / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(port))
        yield Broker("127.0.0.1", port, None, False)
    finally:
        server.terminate()
        server.wait()


def answers(port):
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


def publish(broker, *messages):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect(broker.host, broker.port)
    client.loop_start()
    for topic, payload in messages:
        client.publish(topic, payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def events(path):
    with Store(path) as store:
        return store.db.execute("SELECT name, word, time_ms FROM events JOIN sessions ON session_id = sessions.id JOIN "
                                "devices ON device_id = devices.id JOIN words ON word_id = words.id ORDER BY 1, 3"
                                ).fetchall()


def listen(path, broker, *, seconds):
    with Store(path) as store:
        return ingest_mqtt(store, broker, topic="kws/#", seconds=seconds)


def test_what_devices_publish_is_stored_by_the_name_of_their_topic(broker, tmp_path):
    path = tmp_path / "monitor.db"
    listen(path, broker, seconds=0.5)  # so that the broker knows us, and keeps what comes while we are away
    publish(broker, ("kws/kitchen", "ready 0\nsession 1 0123abcd 11111111\ndetected yes 1500 200"),
            ("kws/home/hall", b'{"session": "5", "keyword": "no", "time_s": 2.5, "score": 0.75}'),
            ("kws/kitchen", "detected yes nonsense"), ("elsewhere", "detected yes 1 200"))
    counts = {}
    listener = threading.Thread(target=lambda: counts.update(vars(listen(path, broker, seconds=4))))
    listener.start()
    publish(broker, ("kws/kitchen", "detected no 4000 180"), ("kws/kitchen", "detected no 4000 180"))
    listener.join()
    assert events(path) == [("hall", "no", 2500), ("kitchen", "yes", 1500), ("kitchen", "no", 4000)]
    assert (counts["new"], counts["known"], counts["malformed"]) == (3, 1, 1)


def test_no_broker_is_an_error_with_its_address(tmp_path):
    port = free_port()
    with Store(tmp_path / "monitor.db") as store, pytest.raises(DeviceError, match=f"127.0.0.1:{port}: no MQTT broker"):
        ingest_mqtt(store, Broker("127.0.0.1", port, None, False), seconds=1)


def test_the_address_of_a_broker():
    assert broker_of("home") == Broker("home", 1_883, None, False)
    assert broker_of("mqtts://anna@home:9000") == Broker("home", 9_000, "anna", True)
    for wrong in ("http://home", "mqtt://[::1", "mqtt://home:none", "mqtt://anna:secret@home"):
        with pytest.raises(KwsError, match="must be mqtt://"):
            broker_of(wrong)
