/* Draws the figures of sigtune.report.series with ECharts, in the dashboard and in report.html.

   After echarts.min.js, figure_parts.js, figure_kinds.js and this file, in this order (report.html has them inline):

   const drawn = sigtuneFigures.draw(element, figure, table);
     `element` has a height (CSS); `figure` and `table` are those of sigtune/report/series/__init__.py (curves and
     confusion need no table). A figure with a `reason` shows that sentence. The element gets role="img" and an
     aria-label with what the picture shows.
   drawn.update(figure, table)   the same kind with newer data: zoom, brushed axes, legend and selection stay
   drawn.select(number)          mark an observation by its number (null: none)
   drawn.dispose()               before the element is thrown away

   A click on a point dispatches "sigtune:observation" on the element; it bubbles, and its detail is
   {number, id, job, assignments, values, failed, reason}. Brushing axes of parallel coordinates dispatches
   "sigtune:brush" with detail {numbers} (null: no axis is brushed). Keys that a figure names, and `table`'s
   columns, are listed by sigtuneFigures.columns(table): [{key, label, role, type}]; sigtuneFigures.text(column, row) is a
   cell of one of table.columns as text, "" for none.

   Light or dark is <html data-theme="light|dark">, or else what the system prefers; a change redraws every figure.
   No inline style or script is made of data, texts are set as text: the page can forbid both by its
   Content-Security-Policy. */
"use strict";

const sigtuneFigures = (() => {
  const { PALETTES, observation, shown } = sigtuneFigureParts;
  const live = new Set();

  function scheme() {
    const chosen = document.documentElement.dataset.theme;
    if (chosen === "light" || chosen === "dark") return chosen;
    return window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }

  function draw(element, figure, table) {
    const drawn = new Drawn(element, figure, table || null);
    live.add(drawn);
    return drawn;
  }

  class Drawn {
    constructor(element, figure, table) {
      this.element = element;
      this.state = { selected: null };
      this.chart = null;
      this.drawnAxes = null; // of the option that the chart has; another one is drawn anew
      this.observer = new ResizeObserver(() => {
        if (this.chart && element.clientWidth) this.chart.resize();
      });
      this.observer.observe(element);
      this.update(figure, table);
    }

    update(figure, table) {
      this.figure = figure;
      this.table = table || this.table;
      this.render();
    }

    select(chosen) {
      this.state.selected = chosen;
      this.render();
    }

    dispose() {
      live.delete(this);
      this.observer.disconnect();
      if (this.chart) this.chart.dispose();
      this.chart = null;
    }

    render() {
      if (this.figure.reason) {
        this.explain(this.figure.reason);
        return;
      }
      if (!this.chart) this.open();
      const { option, label, rowAt } = sigtuneFigureKinds[this.figure.kind](
        this.figure,
        this.table,
        PALETTES[scheme()],
        this.state,
      );
      this.rowAt = rowAt;
      this.element.setAttribute("role", "img");
      this.element.setAttribute("aria-label", `${this.figure.title}: ${label}`);
      const { dataZoom, ...others } = {
        backgroundColor: "transparent",
        textStyle: { fontFamily: "system-ui, sans-serif" },
        ...option,
      };
      const axes = axesOf(this.figure, option);
      if (axes === this.drawnAxes) {
        // Merged into what is drawn, so that zoom, brushed axes and legend stay; series are replaced by their ids.
        this.chart.setOption(others, { replaceMerge: ["series"] });
      } else {
        this.chart.setOption({ ...others, dataZoom }, { notMerge: true });
      }
      this.drawnAxes = axes;
    }

    open() {
      this.element.replaceChildren();
      this.chart = echarts.init(this.element, null, { renderer: "canvas" });
      this.chart.on("click", (hit) => this.clicked(hit));
      this.chart.on("axisareaselected", () => this.brushed());
    }

    explain(reason) {
      if (this.chart) this.chart.dispose();
      this.chart = null;
      this.drawnAxes = null;
      const text = document.createElement("p");
      text.className = "figure-reason";
      text.textContent = reason;
      this.element.removeAttribute("role");
      this.element.removeAttribute("aria-label");
      this.element.replaceChildren(text);
    }

    clicked(hit) {
      const detail =
        this.figure.kind === "curves"
          ? { number: this.figure.lines[hit.seriesIndex].number }
          : this.observationAt(hit);
      if (!detail || detail.number === null) return;
      this.select(detail.number);
      this.tell("sigtune:observation", detail);
    }

    observationAt(hit) {
      const row = hit.value?.[this.rowAt] ?? -1;
      return row >= 0 ? observation(this.table, row) : null;
    }

    brushed() {
      const model = this.chart.getModel();
      const isBrushed = model
        .queryComponents({ mainType: "parallelAxis" })
        .some((one) => one.activeIntervals.length);
      const numbers = ["observed", "best"].flatMap((name) => {
        const [series] = model.getSeriesByName(name);
        const data = series.getRawData();
        const rows = series
          .getRawIndicesByActiveState("active")
          .map((index) => data.get(data.getDimension(this.rowAt), index));
        return rows.map((row) => this.table.number[row]);
      });
      this.tell("sigtune:brush", { numbers: isBrushed ? numbers : null });
    }

    tell(type, detail) {
      this.element.dispatchEvent(new CustomEvent(type, { bubbles: true, detail }));
    }
  }

  function axesOf(figure, option) {
    const of = (one) =>
      [one]
        .flat()
        .filter(Boolean)
        .map((each) => `${each.name}/${each.type}`);
    return JSON.stringify([
      figure.kind,
      ...[option.xAxis, option.yAxis, option.parallelAxis, option.visualMap].map(of),
    ]);
  }

  const redraw = () => live.forEach((drawn) => drawn.render());
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, {
    attributes: true,
    attributeFilter: ["data-theme"],
  });

  const columns = (table) => table.columns.map(({ key, label, role, type }) => ({ key, label, role, type }));
  return { draw, columns, text: shown };
})();
