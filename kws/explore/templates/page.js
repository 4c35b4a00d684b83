// Plays clips of the page: buttons with data-clip, and points of a plot whose customdata is [clip, name].
const player = new Audio();
const line = document.getElementById("now-playing");
let pressed = null;

function release() {
  if (pressed) pressed.classList.remove("playing");
  pressed = null;
}

function play(clip, name, button) {
  release();
  pressed = button;
  if (button) button.classList.add("playing");
  player.src = SOUNDS[clip];
  line.textContent = "playing: " + name;
  player.play().catch((error) => { line.textContent = "cannot play " + name + ": " + error.message; release(); });
}

player.addEventListener("ended", () => { line.textContent = line.textContent.replace("playing", "played"); release(); });
document.addEventListener("click", (event) => {
  const button = event.target.closest("button.play");
  if (button) play(button.dataset.clip, button.title, button);
});
for (const plot of document.querySelectorAll(".js-plotly-plot")) {
  plot.on("plotly_click", (event) => {
    const data = event.points[0].customdata;
    if (data && data.length === 2 && data[0] in SOUNDS) play(data[0], data[1], null);
  });
}
