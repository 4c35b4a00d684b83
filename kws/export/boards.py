"""The targets for boards: an Arduino library, an ESP-IDF component, a Zephyr module. The library lies in src/."""

from kws import __version__
from kws.export.c import facts, library
from kws.export.package import Files, Package, template
from kws.export.readme import network_values, sound_values
from kws.export.source import Source


def board_values(source: Source, *, needs: str) -> dict[str, object]:
    """For the placeholders of a board's files. needs : the hardware of the example for a whole detector."""
    if source.plan is None:
        return {**network_values(source), "example": "network", "needs": "the board alone", "version": __version__}
    return {**sound_values(source, source.plan), "example": "keywords", "needs": needs, "version": __version__}


def in_src(source: Source) -> Files:
    return {f"src/{name}": content for name, content in library(source).items()}


def arduino_package(source: Source) -> Package:
    """A library in Arduino's layout, with a sketch for a PDM microphone board."""
    values = board_values(source, needs="a board whose core has `PDM.h` and a microphone, such as the Arduino Nano 33 "
                                        "BLE Sense")
    sketch = "Keywords" if source.plan else "Network"
    files = {**in_src(source), "library.properties": template("arduino/library.properties", **values),
             f"examples/{sketch}/{sketch}.ino": template(f"arduino/{sketch}.ino"),
             "README.md": template("arduino/README.md", **{**values, "example": sketch})}
    return Package(files, facts("arduino", source))


def esp_idf_package(source: Source) -> Package:
    """A component of ESP-IDF 5, with an example for an I2S microphone."""
    values = board_values(source, needs="an I2S microphone; its pins are set in `menuconfig` under *Microphone*")
    example = f"examples/{values['example']}"
    files = {**in_src(source)}
    for name in ("CMakeLists.txt", "idf_component.yml", "Kconfig", "README.md"):
        files[name] = template(f"esp_idf/{name}", **values)
    files[f"{example}/CMakeLists.txt"] = template("esp_idf/example_CMakeLists.txt", **values)
    files[f"{example}/main/CMakeLists.txt"] = template("esp_idf/example_main_CMakeLists.txt")
    files[f"{example}/main/main.c"] = template("esp_idf/main.c" if source.plan else "esp_idf/network_main.c")
    if source.plan:
        files[f"{example}/main/Kconfig.projbuild"] = template("esp_idf/Kconfig.projbuild")
    return Package(files, facts("esp-idf", source))


def zephyr_package(source: Source) -> Package:
    """A Zephyr module, with a sample for a PDM microphone (DMIC)."""
    values = board_values(source, needs="a board with a PDM microphone under the node label `dmic_dev`")
    sample = f"samples/{values['example']}"
    files = {**in_src(source), "zephyr/module.yml": template("zephyr/module.yml")}
    for name in ("CMakeLists.txt", "Kconfig", "README.md"):
        files[name] = template(f"zephyr/{name}", **values)
    files[f"{sample}/CMakeLists.txt"] = template("zephyr/sample_CMakeLists.txt", **values)
    files[f"{sample}/sample.yaml"] = template("zephyr/sample.yaml", **values)
    files[f"{sample}/prj.conf"] = template("zephyr/prj.conf" if source.plan else "zephyr/network_prj.conf")
    files[f"{sample}/src/main.c"] = template("zephyr/main.c" if source.plan else "zephyr/network_main.c")
    return Package(files, facts("zephyr", source))
