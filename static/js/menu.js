// The account menu: it closes when somebody looks elsewhere, and remembers the theme in a cookie that the server reads, so
// that the next page comes in the right colours.
const YEAR_SECONDS = 31_536_000;
const menu = document.querySelector(".menu");

function close() {
  menu.open = false;
}

function choose(theme) {
  const lifetime = theme ? YEAR_SECONDS : 0;
  document.cookie = `theme=${theme}; path=/; max-age=${lifetime}; samesite=lax`;
  if (theme) {
    document.documentElement.dataset.theme = theme;
  } else {
    delete document.documentElement.dataset.theme;
  }
}

if (menu) {
  document.addEventListener("click", ({ target }) => {
    if (!menu.contains(target)) {
      close();
    }
  });
  menu.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget && !menu.contains(relatedTarget)) {
      close();
    }
  });
  menu.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") {
      close();
      menu.querySelector("summary").focus();
    }
  });
  menu.addEventListener("change", ({ target }) => {
    if (target.name === "theme") {
      choose(target.value);
    }
  });
}
