// Choosing entries of a list. The truth is the field with numbers and ranges: it also holds entries that the grid has not
// loaded yet. Ticks follow the field, and the field follows ticks.
const field = document.querySelector("#picking [name=items]");
const told = document.getElementById("picking-count");
const size = document.getElementById("picking-size");
const UNITS = ["kilobyte", "megabyte", "gigabyte", "terabyte"];
const ticks = () => [...document.querySelectorAll(".tile-tick")];
let last = null;

// Ranges: sorted pairs of first and last, without overlaps.
function merged(ranges) {
  const sorted = ranges.filter(([first, end]) => first <= end).sort((a, b) => a[0] - b[0]);
  return sorted.reduce((done, [first, end]) => {
    const before = done.at(-1);
    if (before && first <= before[1] + 1) {
      before[1] = Math.max(before[1], end);
    } else {
      done.push([first, end]);
    }
    return done;
  }, []);
}

function parsed(text) {
  const ranges = text.split(",").flatMap((part) => {
    const found = /^\s*(\d+)\s*(?:(-)\s*(\d+|inf)?)?\s*$/.exec(part);
    if (!found) {
      return [];
    }
    const first = Number(found[1]);
    const end = found[2] ? (/^\d+$/.test(found[3] ?? "") ? Number(found[3]) : Infinity) : first;
    return [[first, end]];
  });
  return merged(ranges);
}

function written(ranges) {
  const end = (number) => (number === Infinity ? "inf" : number);
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${end(last)}`)).join(",");
}

function without(ranges, others) {
  return others.reduce(
    (left, [from, to]) =>
      left.flatMap(([first, end]) =>
        to < first || from > end ? [[first, end]] : [[first, from - 1], [to + 1, end]].filter(([a, b]) => a <= b),
      ),
    ranges,
  );
}

const chosen = () => parsed(field.value);
const has = (ranges, number) => ranges.some(([first, end]) => first <= number && number <= end);

function matching() {
  return parsed(document.querySelector("[data-matching]")?.dataset.matching ?? "");
}

// What is chosen takes about this many bytes: entries that the grid has not loaded, or that tell no length, count as long
// as the others on average. Unknown when no entry tells.
function estimate(count) {
  const known = ticks().filter((tick) => tick.checked && tick.dataset.seconds);
  const lengths = (known.length ? known : ticks().filter((tick) => tick.dataset.seconds)).map(({ dataset }) => Number(dataset.seconds));
  const all = count === Infinity ? Number(document.querySelector("[data-all]")?.dataset.all ?? NaN) : count;
  const rate = JSON.parse(size.dataset.rates)[document.querySelector("[name=quality]:checked")?.value];
  return (lengths.reduce((sum, length) => sum + length, 0) / lengths.length) * all * rate;
}

function bytes(count) {
  const step = Math.min(Math.max(Math.floor(Math.log(count) / Math.log(1024)), 1), UNITS.length);
  const options = { style: "unit", unit: UNITS[step - 1], unitDisplay: "short", maximumFractionDigits: count < 10 * 1024 ** step ? 1 : 0 };
  return new Intl.NumberFormat(document.documentElement.lang, options).format(count / 1024 ** step);
}

function showSize(count) {
  const [needed, left] = [estimate(count), Number(size.dataset.left)];
  const isKnown = count > 0 && Number.isFinite(needed);
  const sentence = needed > left ? size.dataset.full : size.dataset.fits;
  size.classList.toggle("is-full", isKnown && needed > left);
  size.textContent = isKnown ? sentence.replace("{size}", bytes(needed)).replace("{left}", bytes(left)) : "";
}

function show() {
  const ranges = chosen();
  ticks().forEach((tick) => {
    tick.checked = has(ranges, Number(tick.value));
  });
  const count = ranges.reduce((sum, [first, end]) => sum + end - first + 1, 0);
  const isAll = count === Infinity || count === Number(document.querySelector("[data-all]")?.dataset.all);
  const { none, some, all } = told.dataset;
  told.textContent = isAll ? all : count ? some.replace("{count}", count.toLocaleString(document.documentElement.lang)) : none;
  showSize(count);
}

function choose(ranges) {
  field.value = written(merged(ranges));
  show();
}

function tick(numbers, isChosen) {
  const pairs = numbers.map((number) => [number, number]);
  choose(isChosen ? [...chosen(), ...pairs] : without(chosen(), pairs));
}

document.addEventListener("click", ({ target, shiftKey }) => {
  if (!target.matches(".tile-tick")) {
    return;
  }
  const numbers = ticks().map((one) => Number(one.value));
  const number = Number(target.value);
  const [from, to] = [numbers.indexOf(last), numbers.indexOf(number)].sort((a, b) => a - b);
  tick(shiftKey && from >= 0 ? numbers.slice(from, to + 1) : [number], target.checked);
  last = number;
});

field.addEventListener("input", show);
document.addEventListener("change", ({ target }) => {
  if (target.name === "quality") {
    show();
  }
});
document.getElementById("choose-all").addEventListener("click", () => choose([...chosen(), ...matching()]));
document.getElementById("choose-none").addEventListener("click", () => choose(without(chosen(), matching())));
document.getElementById("choose-others").addEventListener("click", () => {
  const outside = without(chosen(), matching());
  choose([...outside, ...without(matching(), chosen())]);
});

document.addEventListener("htmx:afterSettle", () => {
  const title = document.querySelector(".grid-head h2")?.textContent;
  if (title) {
    document.getElementById("list-title").textContent = title;
  }
  show();
});
show();
