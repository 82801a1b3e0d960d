"use strict";
// The table of completions: everything that came from a file enters the page as textContent.
(() => {
  const PAGE = 25;
  const find = (id) => document.getElementById(id);
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined) element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  };

  // Colours follow the system until the reader chooses.
  const themes = [...document.querySelectorAll("input[name=theme]")];
  const setTheme = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    for (const input of themes) input.checked = input.value === theme;
  };
  try {
    const kept = localStorage.getItem("rewardkit-theme");
    if (["light", "dark"].includes(kept)) setTheme(kept);
  } catch { /* storage is off: the choice lasts as long as the page */ }
  for (const input of themes) {
    input.addEventListener("change", () => {
      setTheme(input.value);
      try { localStorage.setItem("rewardkit-theme", input.value); } catch { /* as above */ }
    });
  }

  // A tooltip for whatever is under the pointer or has the focus.
  const tip = find("tip");
  const showTip = (event) => {
    const target = event.target.closest?.("[data-tip]");
    tip.hidden = !target;
    if (!target) return;
    tip.textContent = target.dataset.tip;
    const box = target.getBoundingClientRect();
    const left = box.left + box.width / 2 - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(6, Math.min(left, innerWidth - tip.offsetWidth - 6))}px`;
    const above = box.top - tip.offsetHeight - 6;
    tip.style.top = `${above > 0 ? above : box.bottom + 6}px`;
  };
  addEventListener("pointerover", showTip);
  addEventListener("focusin", showTip);
  addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  const number = (value) => {
    if (value === null || value === undefined) return "\u2014";
    if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
    if (value !== 0 && Math.abs(value) < 0.0005) return value.toExponential(1);
    return String(Number(value.toPrecision(3)));
  };

  // A line may break inside a name, after these characters, and inside what is long without them.
  const breakName = (name) => (name.match(/[^\s_[=,/.]{0,23}[^]/gu) ?? []).flatMap((part) => [part, make("wbr")]);

  const unpack = async (id) => {
    const packed = atob(find(id).textContent);
    const bytes = new Uint8Array(packed.length);
    for (let i = 0; i < packed.length; i += 1) bytes[i] = packed.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Response(stream).text();
  };

  // Text as nodes: the answer and search hits are marked, tags coloured, invisible characters named.
  const INVISIBLE = /(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164\uffa0]/gu;
  const TAGS = /<\/?[A-Za-z_][\w-]{0,30}>/g;
  const codeOf = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
  const showInvisible = (text) => text.replace(INVISIBLE, (character) => `[${codeOf(character)}]`);
  const highlight = (text, answer, query) => {
    const spans = [];
    for (const hit of text.matchAll(TAGS)) spans.push([hit.index, hit.index + hit[0].length, "tag"]);
    for (const hit of text.matchAll(INVISIBLE)) spans.push([hit.index, hit.index + hit[0].length, "invisible"]);
    if (answer) spans.push([answer[0], answer[1], "answer"]);
    if (query) {
      const low = text.toLowerCase();
      if (low.length === text.length) {
        for (let at = low.indexOf(query); at >= 0; at = low.indexOf(query, at + query.length)) {
          spans.push([at, at + query.length, "found"]);
        }
      }
    }
    const starts = new Map();
    const stops = new Map();
    const put = (map, at, kind) => map.set(at, [...(map.get(at) ?? []), kind]);
    for (const [start, stop, kind] of spans) { put(starts, start, kind); put(stops, stop, kind); }
    const cuts = [...new Set([0, text.length, ...starts.keys(), ...stops.keys()])].sort((a, b) => a - b);
    const open = { tag: 0, invisible: 0, answer: 0, found: 0 };
    const nodes = document.createDocumentFragment();
    let mark = null;
    cuts.forEach((cut, index) => {
      for (const kind of stops.get(cut) ?? []) open[kind] -= 1;
      for (const kind of starts.get(cut) ?? []) open[kind] += 1;
      const piece = text.slice(cut, cuts[index + 1] ?? cut);
      if (!piece) return;
      let node = document.createTextNode(piece);
      if (open.invisible) {
        node = make("span", { class: "invisible", title: "an invisible character" }, codeOf(piece));
      } else if (open.tag) node = make("span", { class: "tag" }, node);
      if (open.found) node = make("mark", { class: "found" }, node);
      if (open.answer) {
        mark ??= nodes.appendChild(make("mark", { class: "answer", title: "the extracted answer" }));
        mark.append(node);
      } else { mark = null; nodes.append(node); }
    });
    return nodes;
  };

  const start = (data) => {
    data.rewards = data.rewards.map(showInvisible);
    const size = data.row.length;
    const groups = new Map();
    data.group.forEach((group, at) => {
      if (group === null) return;
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(at);
    });
    const std = data.group.map((group) => (group === null ? null : data.stds[group]));
    const mean = data.group.map((group) => (group === null ? null : data.means[group]));
    const pass = data.group.map((group) => (group === null || !data.rates ? null : data.rates[group]));
    const texts = new Array(size).fill(null);
    const prompts = [];
    const searchTexts = new Array(size).fill(null);
    let ready = false;

    const columns = [{ key: "row", name: "row", values: data.row, show: (value) => String(value + 1) }];
    columns.push({ key: "text", name: "completion" });
    if (groups.size) columns.push({ key: "group", name: "group", values: data.group, show: (value) => (value === null ? "\u2014" : String(value + 1)) });
    if (data.step.some((step) => step !== null)) columns.push({ key: "step", name: "step", values: data.step, show: (value) => (value === null ? "\u2014" : String(value)) });
    columns.push({ key: "total", name: "weighted sum", values: data.total, kind: "sum", tint: true });
    if (data.advantage.some((value) => value !== null)) columns.push({ key: "advantage", name: "advantage", values: data.advantage });
    if (pass.some((rate) => rate !== null)) columns.push({ key: "pass", name: "pass rate", values: pass, kind: "term" });
    data.rewards.forEach((name, at) => columns.push({ key: `reward ${at}`, name, values: data.values[at], kind: "term", tint: true }));
    if (data.rewards.length > 1) columns.push({ key: "disagreement", name: "disagreement", values: data.disagreement, kind: "term" });
    for (const column of columns) {
      column.show ??= number;
      if (!column.tint) continue;
      const known = column.values.filter((value) => value !== null);
      column.low = known.reduce((a, b) => Math.min(a, b), Infinity);
      column.width = known.reduce((a, b) => Math.max(a, b), -Infinity) - column.low;
    }
    const byKey = new Map(columns.map((column) => [column.key, column]));

    const state = { sort: "total", down: true, keep: null, filter: "", step: null, query: "", page: 0, open: new Set() };
    let order = [];

    const compare = (values, down) => (a, b) => {
      const [one, other] = [values[a], values[b]];
      if (one === other) return data.row[a] - data.row[b];
      if (one === null) return 1;
      if (other === null) return -1;
      return down ? other - one : one - other;
    };
    const searchText = (at) => {
      if (searchTexts[at] === null && texts[at]) {
        const { t, q, w = [], c = {}, a = [] } = texts[at];
        const words = [t, prompts[q] ?? "", ...w, ...Object.values(c), a[0] ?? ""];
        searchTexts[at] = words.join("\n").toLowerCase();
      }
      return searchTexts[at] ?? "";
    };
    const matches = (at) => {
      if (state.keep && !state.keep(at)) return false;
      if (state.step !== null && data.step[at] !== state.step) return false;
      if (!state.query) return true;
      const exact = /^(row|group) #?(\d+)$/.exec(state.query);
      if (exact) return data[exact[1]][at] === Number(exact[2]) - 1;
      return searchText(at).includes(state.query);
    };
    const arrange = () => {
      order = [];
      for (let at = 0; at < size; at += 1) if (matches(at)) order.push(at);
      if (state.sort === "mixed") {
        const inside = compare(data.total, true);
        order.sort((a, b) => (std[b] ?? -1) - (std[a] ?? -1) || (data.group[a] ?? size) - (data.group[b] ?? size) || inside(a, b));
      } else order.sort(compare(byKey.get(state.sort).values, state.down));
      state.page = Math.min(state.page, Math.max(0, Math.ceil(order.length / PAGE) - 1));
    };

    const head = document.querySelector("#table thead");
    const body = document.querySelector("#table tbody");
    const heading = make("tr", { role: "row" });
    for (const column of columns) {
      const cell = make("th", { scope: "col", role: "columnheader", class: column.key === "text" ? "text" : null });
      const button = make("button", { type: "button" }, ...breakName(column.name));
      if (column.key === "text") button.disabled = true;
      button.addEventListener("click", () => sortBy(column.key, !(state.sort === column.key && state.down)));
      column.cell = cell;
      cell.append(button);
      heading.append(cell);
    }
    head.append(heading);
    const sorter = find("sort");
    if (groups.size) sorter.append(make("option", { value: "mixed|true" }, "group std, highest first"));
    for (const column of columns.filter(({ values }) => values)) {
      for (const [down, word] of [[true, "highest first"], [false, "lowest first"]]) {
        sorter.append(make("option", { value: `${column.key}|${down}` }, `${column.name}, ${word}`));
      }
    }

    const views = { best: ["total", true], worst: ["total", false], disagreement: ["disagreement", true], mixed: ["mixed", true], file: ["row", false] };
    const sortBy = (key, down) => {
      Object.assign(state, { sort: key, down, page: 0 });
      for (const input of document.querySelectorAll("input[name=view]")) {
        const [wanted, way] = views[input.value];
        input.checked = wanted === key && way === down;
      }
      draw();
    };

    const toggle = (at, button) => {
      if (state.open.has(at)) state.open.delete(at); else state.open.add(at);
      const row = button.closest("tr");
      if (state.open.has(at)) row.after(detail(at)); else row.nextElementSibling?.remove();
      button.setAttribute("aria-expanded", state.open.has(at));
    };
    const snippet = (at) => {
      if (!texts[at]) return ready ? "(text not included in this page)" : "\u2026";
      const { t } = texts[at];
      const hit = state.query ? t.toLowerCase().indexOf(state.query) : -1;
      const from = hit > 90 ? hit - 60 : 0;
      const piece = t.slice(from, from + 220).replace(/\s+/g, " ").trim();
      return highlight(piece ? (from ? "\u2026 " : "") + piece : "(empty)", null, state.query);
    };
    const makeRow = (at, index) => {
      const row = make("tr", { class: "row", role: "row" });
      if (state.sort === "mixed" && index && data.group[order[index - 1]] !== data.group[at]) row.classList.add("first");
      for (const column of columns) {
        if (column.key === "text") {
          const button = make("button", { type: "button", class: "open", "aria-expanded": state.open.has(at) });
          button.append(make("span", { class: "sr" }, `row ${data.row[at] + 1}: `), snippet(at));
          button.dataset.at = at;
          row.append(make("td", { class: "text", role: "cell" }, button));
          continue;
        }
        const value = column.values[at];
        const level = column.tint && value !== null && column.width > 0 ? Math.round(((value - column.low) / column.width) * 10) : null;
        row.append(make("td", { class: `number ${column.kind ?? ""} ${column.key === state.sort ? "sorted" : ""}`, role: "cell", "data-label": column.name, "data-level": level }, column.show(value)));
      }
      row.addEventListener("click", (event) => {
        if (getSelection().isCollapsed || event.target.closest(".open")) toggle(at, row.querySelector(".open"));
      });
      return row;
    };

    const terms = (at) => {
      const table = make("table", { class: "terms" });
      data.rewards.forEach((name, index) => {
        table.append(make("tr", {},
          make("th", { scope: "row" }, ...breakName(name)),
          make("td", { class: "number" }, number(data.values[index][at])),
          make("td", { class: "why", dir: "auto" }, highlight(texts[at]?.w?.[index] ?? "", null, state.query))));
      });
      return table;
    };
    const members = (at) => {
      const list = make("div", { class: "members" });
      for (const member of groups.get(data.group[at]).slice(0, 64)) {
        const button = make("button", { type: "button", "aria-current": member === at ? "true" : null, title: `row ${data.row[member] + 1}` }, number(data.total[member]));
        button.addEventListener("click", () => showOnly((other) => data.group[other] === data.group[at], `The completions of group ${data.group[at] + 1}`, [member]));
        list.append(button);
      }
      return list;
    };
    const title = (text) => make("h3", {}, text);
    const detail = (at) => {
      const known = texts[at];
      const left = make("div");
      const right = make("div", {}, title("Rewards"), terms(at));
      if (known) {
        const [found, finder, from, to] = known.a ?? [];
        const cut = known.n > [...known.t].length ? `, ${known.n.toLocaleString("en-US")} characters, of which the beginning and the end are shown` : `, ${known.n.toLocaleString("en-US")} characters`;
        left.append(title(`Completion${cut}`), make("div", { class: "prose", dir: "auto", tabindex: "0", role: "region", "aria-label": "Completion" }, highlight(known.t, to === undefined ? null : [from, to], state.query)));
        if (prompts[known.q]) left.append(title("Prompt"), make("div", { class: "prose prompt", dir: "auto", tabindex: "0", role: "region", "aria-label": "Prompt" }, highlight(prompts[known.q], null, state.query)));
        right.append(title("Answer"), make("div", {}, found ? make("mark", { class: "answer" }, highlight(found, null, "")) : "none found", found ? ` found by ${finder}` : ""));
        if (known.c) {
          const extras = make("dl", { class: "extras" });
          for (const [name, value] of Object.entries(known.c)) extras.append(make("dt", {}, showInvisible(name)), make("dd", { dir: "auto" }, highlight(value, null, state.query)));
          right.append(title("Columns"), extras);
        }
      } else left.append(title("Completion"), make("p", { class: "muted" }, ready ? "The text of this row is not included in this page; its values are." : "\u2026"));
      if (groups.has(data.group[at])) right.append(title(`Group ${data.group[at] + 1}: sums, std ${number(std[at])}`), members(at));
      return make("tr", { class: "detail", role: "row" }, make("td", { colspan: columns.length, role: "cell" }, make("div", { class: "reading" }, left, right)));
    };

    const draw = () => {
      arrange();
      for (const column of columns) {
        if (column.key === state.sort) column.cell.setAttribute("aria-sort", state.down ? "descending" : "ascending");
        else column.cell.removeAttribute("aria-sort");
      }
      sorter.value = `${state.sort}|${state.down}`;
      const from = state.page * PAGE;
      const rows = order.slice(from, from + PAGE).flatMap((at, index) => (state.open.has(at) ? [makeRow(at, from + index), detail(at)] : [makeRow(at, from + index)]));
      if (!rows.length) rows.push(make("tr", { role: "row" }, make("td", { class: "text", colspan: columns.length, role: "cell" }, "No row matches.")));
      body.replaceChildren(...rows);
      const last = Math.min(from + PAGE, order.length);
      find("range").textContent = order.length ? `${(from + 1).toLocaleString("en-US")} to ${last.toLocaleString("en-US")} of ${order.length.toLocaleString("en-US")}` : "0 rows";
      find("previous").disabled = !state.page;
      find("next").disabled = last >= order.length;
      find("filter").hidden = !state.keep;
      find("filter").firstElementChild.textContent = state.filter;
    };
    const showOnly = (keep, filter, open = []) => {
      Object.assign(state, { keep, filter, page: 0, query: "", step: null, open: new Set(open) });
      find("search").value = "";
      if (find("step")) find("step").value = "";
      draw();
      find("completions").scrollIntoView();
      body.querySelector(".open")?.focus({ preventScroll: true });
    };
    const turn = (by) => {
      const last = Math.ceil(order.length / PAGE) - 1;
      const page = Math.max(0, Math.min(last, state.page + by));
      if (page === state.page) return false;
      state.page = page;
      draw();
      return true;
    };

    for (const input of document.querySelectorAll("input[name=view]")) {
      input.addEventListener("change", () => sortBy(...views[input.value]));
    }
    sorter.addEventListener("change", () => {
      const [key, down] = sorter.value.split("|");
      sortBy(key, down === "true");
    });
    const steps = find("step");
    if (steps) {
      const known = [...new Set(data.step.filter((step) => step !== null))].sort((a, b) => a - b);
      steps.append(...known.map((step) => make("option", { value: step }, String(step))));
      steps.addEventListener("change", () => { Object.assign(state, { step: steps.value === "" ? null : Number(steps.value), page: 0 }); draw(); });
    }
    let waiting;
    const search = find("search");
    search.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => { Object.assign(state, { query: search.value.trim().toLowerCase(), page: 0 }); draw(); }, 120);
    });
    find("filter").querySelector("button").addEventListener("click", () => { state.keep = null; draw(); search.focus(); });
    find("previous").addEventListener("click", () => turn(-1));
    find("next").addEventListener("click", () => turn(1));
    addEventListener("keydown", (event) => {
      if (event.key === "/" && !event.ctrlKey && !event.metaKey && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
        event.preventDefault();
        search.focus();
      }
    });
    body.addEventListener("keydown", (event) => {
      if (!event.target.classList.contains("open")) return;
      const rows = [...body.querySelectorAll(".open")];
      const at = rows.indexOf(event.target);
      const focus = (row) => { row?.focus(); row?.scrollIntoView({ block: "nearest" }); };
      const keys = {
        ArrowDown: () => (at + 1 < rows.length ? focus(rows[at + 1]) : turn(1) && focus(body.querySelector(".open"))),
        ArrowUp: () => (at ? focus(rows[at - 1]) : turn(-1) && focus([...body.querySelectorAll(".open")].at(-1))),
        ArrowRight: () => turn(1) && focus(body.querySelector(".open")),
        ArrowLeft: () => turn(-1) && focus(body.querySelector(".open")),
        Home: () => focus(rows[0]),
        End: () => focus(rows.at(-1)),
      };
      if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
    });

    // A bar is a button: the table then shows its rows. Values in the page have six digits.
    const roundToSix = (value) => Number(Number(value).toPrecision(6));
    const filterByBar = (bar) => {
      const { key, low, high } = bar.dataset;
      const values = key === "std" ? std : key === "mean" ? mean : key === "pass" ? pass : key === "total" || key === "advantage" ? data[key] : data.values[key];
      const [least, most] = [roundToSix(low), roundToSix(high)];
      const last = !bar.nextElementSibling;
      const inside = (value) => value !== null && value >= least && (value < most || (value === most && (last || least === most)));
      const name = { std: "group std", mean: "group mean", pass: "pass rate", total: "weighted sum", advantage: "advantage" }[key] ?? data.rewards[key];
      showOnly((at) => inside(values[at]), `${name}: ${number(least)}${least === most ? "" : ` to ${number(most)}`}`);
    };
    for (const bar of document.querySelectorAll(".bar[role]")) {
      bar.addEventListener("click", () => filterByBar(bar));
      bar.addEventListener("keydown", (event) => {
        const bars = [...bar.parentElement.querySelectorAll(".bar")];
        const next = bars[bars.indexOf(bar) + ({ ArrowRight: 1, ArrowLeft: -1 }[event.key] ?? NaN)];
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); filterByBar(bar); }
        if (!next) return;
        event.preventDefault();
        for (const each of bars) each.setAttribute("tabindex", each === next ? "0" : "-1");
        next.focus();
      });
    }

    for (const hidden of document.querySelectorAll("#completions [hidden]")) {
      if (hidden.id !== "filter") hidden.hidden = false;
    }
    find("trouble").hidden = true;
    draw();
    return (lines) => {
      const index = new Map(data.row.map((row, at) => [row, at]));
      for (const text of lines.split("\n")) {
        if (!text) continue;
        const item = JSON.parse(text);
        if ("p" in item) prompts[item.p] = item.t;
        else texts[index.get(item.r)] = item;
      }
      ready = true;
      const focused = body.contains(document.activeElement) ? document.activeElement.dataset.at : undefined;
      draw();
      if (focused !== undefined) body.querySelector(`.open[data-at="${focused}"]`)?.focus({ preventScroll: true });
    };
  };

  (async () => {
    try {
      const fill = start(JSON.parse(await unpack("values")));
      performance.mark("rewardkit-values");
      await new Promise((done) => { setTimeout(done); }); // the values are painted first
      fill(await unpack("texts"));
      performance.mark("rewardkit-texts");
      document.documentElement.dataset.ready = "true";
    } catch (error) {
      const message = "DecompressionStream" in window ? error.message : "this browser is too old to decompress it";
      find("trouble").textContent = `The table could not be shown: ${message}.`;
      find("trouble").hidden = false;
      console.error(error);
    }
  })();
})();
