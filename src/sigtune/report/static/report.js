/* Shows the content of a report (sigtune/report/content.py). All text is set as text, never as markup. */
"use strict";

(() => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const { table } = content;
  const MOST_COMMANDS = 5; // of many that are equally good
  const page = document.getElementById("report");

  function add(parent, name, text, className) {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    parent.append(element);
    return element;
  }

  function heading() {
    add(page, "h1", content.title);
    const list = add(page, "dl");
    for (const [name, value] of content.facts) {
      add(list, "dt", name);
      add(list, "dd", value);
    }
  }

  function rows(parent, headings, cells, textColumn) {
    const box = add(parent, "div", undefined, "scroll");
    box.tabIndex = 0;
    const drawn = add(box, "table");
    const head = add(add(drawn, "thead"), "tr");
    headings.forEach((text) => {
      add(head, "th", text).scope = "col";
    });
    const body = add(drawn, "tbody");
    for (const row of cells) {
      const line = add(body, "tr");
      row.forEach((text, place) => add(line, "td", text, place === textColumn ? "text" : undefined));
    }
  }

  const hasJobs = table.job.some((each) => each !== null);
  const job = (row) => (table.job[row] === null ? "" : String(table.job[row]));
  const headings = () => [
    "observation",
    ...(hasJobs ? ["job"] : []),
    ...sorted().map((column) => column.label),
  ];
  const sorted = () =>
    [...table.columns].sort(
      (one, other) => (one.role === "metric" ? 0 : 1) - (other.role === "metric" ? 0 : 1),
    );
  const line = (row) => [
    table.number[row],
    ...(hasJobs ? [job(row)] : []),
    ...sorted().map((column) => sigtuneFigures.text(column, row)),
  ];

  function best() {
    if (!content.best.length) return;
    add(page, "h2", content.best.length > 1 ? "Best observations" : "Best observation");
    rows(
      page,
      headings(),
      content.best.map((each) => line(table.number.indexOf(each.number))),
    );
    for (const each of content.best.filter((one) => one.command).slice(0, MOST_COMMANDS)) {
      add(page, "p", `Train observation ${each.number} again:`, "note");
      add(page, "pre", each.command).tabIndex = 0;
    }
  }

  function figure(parent, each) {
    const isParallel = each.kind === "parallel";
    const place = isParallel ? wide(parent, each.title) : parent;
    const isTall = isParallel || each.kind === "confusion";
    const element = add(place, "div", undefined, isTall ? "figure tall" : "figure");
    const drawn = sigtuneFigures.draw(element, each, table);
    element.addEventListener("sigtune:observation", (event) => chosen(element, event.detail.number));
    return drawn;
  }

  /** A place for a figure that a narrow screen cannot show whole: it is moved there. */
  function wide(parent, label) {
    const place = add(parent, "div", undefined, "scroll");
    place.tabIndex = 0;
    place.setAttribute("role", "region");
    place.setAttribute("aria-label", label);
    return place;
  }

  function chosen(element, number) {
    const row = table.number.indexOf(number);
    if (row < 0) return;
    const next = element.nextElementSibling;
    const box = next && next.classList.contains("chosen") ? next : document.createElement("p");
    box.className = "chosen";
    box.textContent = [
      `observation ${number}`,
      job(row) && `job ${job(row)}`,
      table.failed[row] && "failed",
      table.reason[row],
      ...sorted()
        .map((column) => [column.label, sigtuneFigures.text(column, row)])
        .filter((pair) => pair[1] !== "")
        .map((pair) => pair.join(" = ")),
    ]
      .filter(Boolean)
      .join(" · ");
    element.after(box);
  }

  function explorer(parent) {
    const shown = { ...content.explorer };
    const name = (key) => table.columns.find((column) => column.key === key).label;
    const axes = add(parent, "div", undefined, "axes");
    const drawn = figure(parent, shown);
    for (const [text, place] of [
      ["horizontal", "x"],
      ["vertical", "y"],
      ["colour", "colour"],
    ]) {
      const label = add(axes, "label", `${text} `);
      const select = add(label, "select");
      if (place === "colour") add(select, "option", "none").value = "";
      sigtuneFigures.columns(table).forEach((column) => {
        add(select, "option", column.label).value = column.key;
      });
      select.value = shown[place] || "";
      select.addEventListener("change", () => {
        shown[place] = select.value || null;
        shown.title = `${name(shown.y)} against ${name(shown.x)}`;
        drawn.update(shown, table);
      });
    }
  }

  function failures() {
    if (!content.failures.length) return;
    add(page, "h2", "Failed observations");
    if (content.failed > content.failures.length) {
      add(page, "p", `The last ${content.failures.length} of ${content.failed}.`, "note");
    }
    rows(
      page,
      ["observation", "job", "reason"],
      content.failures.map((each) => [each.number, each.job ?? "", each.reason]),
      2,
    );
  }

  heading();
  best();
  if (table.number.length < table.total) {
    add(
      page,
      "p",
      `Figures show ${table.number.length} of ${table.total} observations, evenly chosen, and the best.`,
      "note",
    );
  }
  for (const section of content.sections) {
    add(page, "h2", section.title);
    for (const each of section.figures) {
      add(page, "h3", each.title);
      figure(page, each);
    }
    if (section.title === "Analysis" && content.explorer) {
      add(page, "h3", "Any two, coloured by a third");
      explorer(page);
    }
  }
  failures();
})();
