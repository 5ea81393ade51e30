// Says so when the browser cannot play what the file holds: its type alone does not tell.
for (const player of document.querySelectorAll("[data-player]")) {
  const media = player.querySelector("video, audio");
  const fail = () => {
    media.hidden = true;
    player.querySelector(".player-trouble").hidden = false;
  };
  if (media.error) {
    fail();
  }
  media.addEventListener("error", fail);
}
