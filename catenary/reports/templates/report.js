"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const cards = [...document.querySelectorAll(".card")];
  const chosen = { component: "", verdict: "", grade: "" };
  const search = document.getElementById("search");
  const order = document.getElementById("order");

  const fits = (card) => {
    const words = search.value.trim().toLowerCase();
    return Object.entries(chosen).every(([key, value]) => !value || card.dataset[key] === value)
      && (!words || card.dataset.words.toLowerCase().includes(words));
  };

  const filter = () => {
    let shown = 0;
    for (const card of cards) {
      card.hidden = !fits(card);
      shown += card.hidden ? 0 : 1;
    }
    document.getElementById("shown").textContent = `${shown} of ${cards.length} shown 已显示`;
    for (const part of document.querySelectorAll("section.found")) {
      part.hidden = part.querySelector(".card") && !part.querySelector(".card:not([hidden])");
    }
  };

  const sort = () => {
    const key = order.value;
    const number = (card) => card.dataset[key] === "" ? Infinity : Number(card.dataset[key]);
    const sign = key === "probability" ? -1 : 1;
    const value = (card) => key === "probability" && card.dataset[key] === "" ? 1 : sign * number(card);
    for (const grid of document.querySelectorAll(".cards")) {
      grid.append(...[...grid.children].sort((a, b) => value(a) - value(b)
        || Number(b.dataset.probability) - Number(a.dataset.probability)));
    }
  };

  for (const button of document.querySelectorAll(".bar button[data-key]")) {
    button.addEventListener("click", () => {
      const { key, value } = button.dataset;
      chosen[key] = value;
      for (const other of document.querySelectorAll(`.bar button[data-key=${key}]`)) {
        other.setAttribute("aria-pressed", String(other === button));
      }
      filter();
    });
  }
  search.addEventListener("input", filter);
  order.addEventListener("change", sort);
  document.getElementById("evidence").addEventListener("change", (event) => {
    root.classList.toggle("no-evidence", !event.target.checked);
  });

  const dialog = document.querySelector("dialog");
  const large = document.getElementById("large");
  for (const shot of document.querySelectorAll("button.shot")) {
    shot.addEventListener("click", () => {
      large.replaceChildren(shot.querySelector("svg").cloneNode(true));
      dialog.showModal();
    });
  }
  dialog.addEventListener("click", () => dialog.close());
  filter();
})();
