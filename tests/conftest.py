"""Data that several test files share: real recordings where they are at hand, synthesized speech where they are not.

KWS_TEST_DATA names a folder with the real recordings: packed (with unpack.py) or as unpack.py writes them.
"""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.helpers.paths import PER_WORD, once, recordings_folder, shared_folder, unpack

if TYPE_CHECKING:
    from kws.bench.null_sink import PulseAudio

settings.register_profile("kws", deadline=None)  # no test depends on timing
settings.load_profile("kws")
# A shell that starts the suite in the background has it ignore Ctrl-C, and so would every command that is stopped here.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests come first, so that no process is left alone with one of them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def tone_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run models/tones of a workspace whose words are tones (kws/bench/tones.py), trained once."""
    pytest.importorskip("keras", reason="Keras is not installed")
    from kws.bench import tones

    return once(shared_folder(tmp_path_factory) / "tones", tones.make_run) / "models" / "tones"


@pytest.fixture(scope="session")
def real_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with speech_commands/<word>/*.wav, speech_commands/_background_noise_/ and speech_commands_test_set/.

    At most 30 recordings of each word and part where the data is packed, all of it where it is not.
    """
    source = recordings_folder()
    if (source / "speech_commands").is_dir():
        return source
    if not (source / "unpack.py").is_file():
        pytest.skip(f"real recordings are missing: no {source / 'unpack.py'}; name their folder in KWS_TEST_DATA")
    target = shared_folder(tmp_path_factory) / f"real-{PER_WORD}"
    return once(target, lambda folder: unpack(source / "unpack.py", folder))


@pytest.fixture(scope="session")
def mlperf_network() -> Path:
    """The MLPerf Tiny keyword-spotting network, a .tflite from elsewhere."""
    path = recordings_folder() / "mlperf_tiny_kws.tflite"
    if not path.is_file():
        pytest.skip(f"a network from elsewhere is missing: no {path}; name its folder in KWS_TEST_DATA")
    return path


@pytest.fixture(scope="session")
def pulse() -> Iterator["PulseAudio"]:
    """A running PulseAudio with a null sink whose monitor is the only microphone; see kws/bench/null_sink.py."""
    from kws.bench.null_sink import PulseAudio, missing

    if (why := missing()) is not None:
        pytest.skip(why)
    daemon = PulseAudio()
    yield daemon
    daemon.stop()


@pytest.fixture
def null_sink(pulse: "PulseAudio", monkeypatch: pytest.MonkeyPatch) -> "PulseAudio":
    """`pulse`, as the one sound system of this process and of those that it starts."""
    from kws.audio.microphone import list_devices

    for name, value in pulse.environment.items():
        monkeypatch.setenv(name, value)
    list_devices(again=True)
    return pulse


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium that Selenium drives."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not found or not driver:
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = found
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1200,1000",
                     "--autoplay-policy=no-user-gesture-required"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    running = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield running
    running.quit()
