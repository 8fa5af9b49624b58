/* Draws the figures of sigtune.report.series with ECharts, in the dashboard and in report.html.

   After echarts.min.js and this file, two scripts of the page (report.html has them inline):

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
  const PALETTES = {
    light: {
      text: "#1f2933", muted: "#52606d", line: "#cbd2d9", grid: "#e4e7eb", back: "#ffffff",
      point: "#2f6db3", best: "#c2410c", failed: "#b42318", other: "#7b8794", bar: "#2f6db3",
      ramp: ["#440154", "#3b528b", "#21918c", "#5ec962", "#d9c80f"],
      series: ["#2f6db3", "#c2410c", "#2b7a4b", "#7a4fb5", "#a16207", "#0e7490", "#be185d", "#4d5a68"],
    },
    dark: {
      text: "#e4e7eb", muted: "#a9b4c0", line: "#52606d", grid: "#323f4b", back: "#1b222a",
      point: "#6fb1f2", best: "#ffa14a", failed: "#ff8a7a", other: "#8895a3", bar: "#6fb1f2",
      ramp: ["#7b4fa8", "#5a7fd0", "#2fb5ac", "#7bdc70", "#fde725"],
      series: ["#6fb1f2", "#ffa14a", "#6fd39a", "#c3a1f5", "#e3c14f", "#5fd0e6", "#f58cc0", "#b6c2cf"],
    },
  };
  const MANY = 2000; // from so many points on they are smaller, fainter and not animated
  const SYMBOL = { ok: "circle", best: "diamond", failed: "path://M1,0L5,4L9,0L10,1L6,5L10,9L9,10L5,6L1,10L0,9L4,5L0,1Z" };
  const live = new Set();

  // --- the table ---

  const column = (table, key) => table.columns.find((each) => each.key === key);
  const valueOf = (one, row) => (one ? one.values[row] : null);
  const shown = (one, row) => {
    const value = valueOf(one, row);
    if (!isPresent(value)) return "";
    return one.type === "category" ? one.categories[value] : number(value);
  };

  function number(value) {
    if (typeof value !== "number") return String(value);
    if (value === 0 || Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
    const size = Math.abs(value);
    return size >= 1e5 || size < 1e-3 ? value.toExponential(3).replace(/\.?0+e/, "e") : String(Number(value.toPrecision(5)));
  }

  function rowsByNumber(table) {
    const rows = new Map();
    table.number.forEach((each, row) => rows.set(each, row));
    return rows;
  }

  function observation(table, row) {
    const of = (role) => Object.fromEntries(table.columns
      .filter((each) => each.role === role && shown(each, row) !== "")
      .map((each) => [each.label, each.type === "category" ? shown(each, row) : each.values[row]]));
    return {
      number: table.number[row], id: table.id[row], job: table.job[row], failed: table.failed[row],
      reason: table.reason[row], assignments: of("parameter"), values: of("metric"),
    };
  }

  // --- texts that pop up: built as elements, so that a name stays text ---

  function lines(entries) {
    const box = document.createElement("div");
    for (const [text, isStrong] of entries) {
      const line = document.createElement("div");
      line.textContent = text;
      if (isStrong) line.style.fontWeight = "600";
      box.append(line);
    }
    return box;
  }

  function tooltipOf(table, row) {
    const seen = observation(table, row);
    const job = seen.job === null ? "" : ` · job ${seen.job}`;
    const state = seen.failed ? " · failed" : table.feasible[row] ? "" : " · misses a threshold";
    const entries = [[`observation ${seen.number}${job}${state}`, true]];
    if (seen.reason) entries.push([seen.reason.slice(0, 200), false]);
    for (const [name, value] of Object.entries(seen.values)) entries.push([`${name} ${number(value)}`, true]);
    const assigned = Object.entries(seen.assignments);
    for (const [name, value] of assigned.slice(0, 20)) entries.push([`${name} = ${number(value)}`, false]);
    if (assigned.length > 20) entries.push([`and ${assigned.length - 20} more`, false]);
    return lines(entries);
  }

  const tooltip = (colours, formatter, more) => ({
    trigger: "item", confine: true, backgroundColor: colours.back, borderColor: colours.line, padding: 8,
    textStyle: { color: colours.text, fontSize: 12 }, transitionDuration: 0, formatter, ...more,
  });

  // --- axes ---

  function axis(colours, name, more) {
    return {
      name, nameLocation: "middle", nameGap: 30, nameTextStyle: { color: colours.text, fontSize: 12 },
      axisLine: { lineStyle: { color: colours.line } }, axisTick: { lineStyle: { color: colours.line } },
      axisLabel: { color: colours.muted, hideOverlap: true, formatter: (value) => number(value) },
      splitLine: { lineStyle: { color: colours.grid } }, ...more,
    };
  }

  function columnAxis(colours, one, isVertical) {
    const gap = { nameGap: isVertical ? 52 : 30 };
    if (one.type === "category") {
      const label = { color: colours.muted, hideOverlap: true, width: 110, overflow: "truncate" };
      return axis(colours, one.label, { ...gap, type: "category", data: one.categories, axisLabel: label });
    }
    const ends = isLog(one) ? { min: extent(one)[0], max: extent(one)[1] } : { scale: true };
    return axis(colours, one.label, { ...gap, type: isLog(one) ? "log" : "value", minInterval: one.integer ? 1 : 0, ...ends });
  }

  function extent(one) {
    const values = one.values.filter((value) => value !== null);
    return [Math.min(one.low, ...bounds(values).slice(0, 1)), Math.max(one.high, ...bounds(values).slice(1))];
  }

  function bounds(values) {
    let low = Infinity, high = -Infinity;
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return low > high ? [] : [low, high];
  }

  // Beside the axes a hidden one from 0 to 1, for what has no value: failed observations stand at its foot.
  const unitAxis = { type: "value", min: 0, max: 1, show: false };

  const zoom = () => [
    { type: "inside", xAxisIndex: [0], filterMode: "none" },
    { type: "inside", yAxisIndex: [0], filterMode: "none", zoomOnMouseWheel: "shift" },
  ];

  const grid = (more) => ({ left: 72, right: 24, top: 36, bottom: 52, ...more });

  function legend(colours, names) {
    return { type: "scroll", top: 0, data: names, textStyle: { color: colours.text }, inactiveColor: colours.line,
      pageTextStyle: { color: colours.text }, pageIconColor: colours.text, pageIconInactiveColor: colours.line };
  }

  // What a point's colour is chosen by: of a parameter on a logarithmic scale its logarithm.
  const isLog = (one) => one.log && one.values.every((value) => !isPresent(value) || value > 0);
  const shade = (one, row) => (isLog(one) && isPresent(valueOf(one, row)) ? Math.log10(one.values[row]) : valueOf(one, row));
  const tail = (text, most) => (text.length > most ? `…${text.slice(1 - most)}` : text); // config keys differ at their ends
  const short = (text) => (text.length > 16 ? `${text.slice(0, 15)}…` : text);

  function ramp(colours, one, rows, more) {
    const [low, high] = bounds(rows.map((row) => shade(one, row)).filter(isPresent));
    const told = (value) => number(isLog(one) ? 10 ** value : value);
    const base = { dimension: 3, right: 4, top: "middle", textStyle: { color: colours.muted, fontSize: 11 }, ...more };
    if (one.type === "category") {
      const pieces = one.categories.map((label, value) => (
        { value, label, color: colours.series[value % colours.series.length] }));
      return { ...base, type: "piecewise", pieces, outOfRange: { color: colours.other } };
    }
    const ends = low === undefined ? [0, 1] : low === high ? [low - 0.5, high + 0.5] : [low, high];
    const text = more ? [told(ends[1]), told(ends[0])] : [short(one.label), ""]; // one to drag says its ends by itself
    return { ...base, type: "continuous", min: ends[0], max: ends[1], calculable: !more, itemHeight: 140, itemWidth: 14,
      precision: 4, text, formatter: told, inRange: { color: colours.ramp } };
  }

  // --- points of the table's rows, in series that every figure of points has ---

  const isPresent = (value) => value !== null && value !== undefined;

  function pointSeries(colours, table, figure, place, options) {
    const best = new Set(figure.best || figure.front || []);
    const kinds = { ok: [], unfit: [], best: [], failed: [] };
    for (let row = 0; row < table.number.length; row += 1) {
      const [x, y] = place(row);
      if (table.failed[row]) {
        if (isPresent(x) && !isPresent(y)) kinds.failed.push([x, 0.02, row]);
        continue;
      }
      if (!isPresent(x) || !isPresent(y)) continue;
      const kind = best.has(table.number[row]) ? "best" : table.feasible[row] ? "ok" : "unfit";
      const value = [x, y, row, ...(options.colour ? [shade(options.colour, row)] : [])];
      kinds[kind].push(options.spread ? { value, symbolOffset: options.spread(row) } : value);
    }
    const isMany = table.number.length > MANY;
    const one = (id, name, data, more) => ({ id, name, type: "scatter", data, animation: false, z: 3,
      progressive: 0, emphasis: { scale: 1.6 }, ...more });
    const faint = isMany ? 0.55 : 0.85;
    return [
      one("ok", "observed", kinds.ok, { symbolSize: isMany ? 4 : 8, itemStyle: { color: colours.point, opacity: faint } }),
      one("unfit", "misses a threshold", kinds.unfit, { symbol: "triangle", symbolSize: isMany ? 5 : 9,
        itemStyle: { color: colours.other, opacity: faint } }),
      one("failed", "failed", kinds.failed, { symbol: SYMBOL.failed, symbolSize: isMany ? 5 : 9, yAxisIndex: 1,
        itemStyle: { color: colours.failed, opacity: isMany ? 0.6 : 1 }, z: 4 }),
      one("best", "best", kinds.best, { symbol: SYMBOL.best, symbolSize: best.size > 30 ? 9 : 15, z: 6,
        itemStyle: { color: colours.best, borderColor: colours.back, borderWidth: 1 } }),
    ];
  }

  // Points of one category would hide each other: each stands a little aside, always the same way.
  function spreadOf(table, x, y) {
    if (x.type !== "category" && y.type !== "category") return null;
    const aside = (row, share) => 44 * ((table.number[row] * share) % 1 - 0.5);
    return (row) => [x.type === "category" ? aside(row, 0.618034) : 0, y.type === "category" ? aside(row, 0.754878) : 0];
  }

  const namesOf = (series) => series.filter((each) => each.data.length && !each.silent).map((each) => each.name);

  function selectionSeries(colours, at) {
    return { id: "selected", name: "selected", type: "scatter", data: at ? [at] : [], silent: true, animation: false,
      z: 8, symbol: "circle", symbolSize: 20,
      itemStyle: { color: "rgba(0,0,0,0)", borderColor: colours.text, borderWidth: 2 } };
  }

  function thresholdLine(colours, value, isVertical) {
    if (!isPresent(value)) return undefined;
    return { silent: true, symbol: "none", animation: false, lineStyle: { color: colours.muted, type: "dashed" },
      label: { color: colours.muted, formatter: `threshold ${number(value)}`, position: "insideEndTop" },
      data: [isVertical ? { xAxis: value } : { yAxis: value }] };
  }

  function placedOn(colours, table, place, selected) {
    const row = selected === null ? undefined : rowsByNumber(table).get(selected);
    const at = row === undefined ? null : place(row);
    return selectionSeries(colours, at && isPresent(at[0]) && isPresent(at[1]) ? at : null);
  }

  // --- one function a kind: the option of ECharts, and what the picture shows in words ---

  const KINDS = {
    history(figure, table, colours, state) {
      const metric = column(table, figure.metric);
      const place = (row) => [table.number[row], metric.values[row]];
      const points = pointSeries(colours, table, figure, place, {});
      const steps = figure.best_so_far.map((each) => [...each]);
      const last = table.number[table.number.length - 1];
      if (steps.length) steps.push([last, steps[steps.length - 1][1]]);
      const trace = { id: "trace", name: "best so far", type: "line", step: "end", data: steps, symbol: "none",
        animation: false, silent: true, lineStyle: { color: colours.best, width: 2 }, itemStyle: { color: colours.best },
        markLine: thresholdLine(colours, figure.threshold), z: 2 };
      return {
        option: {
          grid: grid(), legend: legend(colours, [...namesOf(points), "best so far"]),
          tooltip: tooltip(colours, (at) => tooltipOf(table, at.value[2])),
          xAxis: axis(colours, "observation", { type: "value", minInterval: 1, min: 0, max: Math.max(last || 1, 1) + 1,
            splitLine: { show: false } }),
          yAxis: [columnAxis(colours, metric, true), unitAxis], dataZoom: zoom(),
          series: [trace, ...points, placedOn(colours, table, place, state.selected)],
        },
        label: `${table.total} observations${steps.length ? `, the best so far is ${number(steps[steps.length - 1][1])}` : ""}`,
      };
    },

    scatter(figure, table, colours, state) {
      const [x, y, colour] = [figure.x, figure.y, figure.colour].map((key) => column(table, key));
      const place = (row) => [valueOf(x, row), valueOf(y, row)];
      const points = pointSeries(colours, table, figure, place, { colour, spread: spreadOf(table, x, y) });
      const rows = table.number.map((_, row) => row);
      const visual = colour && [{ ...ramp(colours, colour, rows), seriesIndex: [0, 1] }]; // those that did not fail
      return {
        option: {
          grid: grid({ right: colour ? 110 : 24 }), legend: legend(colours, namesOf(points)),
          tooltip: tooltip(colours, (at) => tooltipOf(table, at.value[2])),
          xAxis: columnAxis(colours, x, false), yAxis: [columnAxis(colours, y, true), unitAxis], dataZoom: zoom(),
          visualMap: visual || [], series: [...points, placedOn(colours, table, place, state.selected)],
        },
        label: `${namesOf(points).join(", ") || "no"} points`,
      };
    },

    pareto(figure, table, colours, state) {
      const [x, y] = [column(table, figure.x), column(table, figure.y)];
      const place = (row) => [x.values[row], y.values[row]];
      const points = pointSeries(colours, table, figure, place, {});
      points.forEach((each) => { if (each.id === "best") each.name = "Pareto front"; });
      const rows = rowsByNumber(table);
      const front = figure.front.filter((each) => rows.has(each)).map((each) => place(rows.get(each)));
      const line = { id: "front", name: "front", type: "line", data: front, symbol: "none", silent: true, animation: false,
        lineStyle: { color: colours.best, width: 1.5, type: "dotted" }, z: 2 };
      const limits = [["x", figure.thresholds[0], true], ["y", figure.thresholds[1], false]].map(([id, value, isVertical]) => ({
        id: `threshold-${id}`, type: "line", data: [], silent: true, markLine: thresholdLine(colours, value, isVertical) }));
      return {
        option: {
          grid: grid(), legend: legend(colours, namesOf(points)),
          tooltip: tooltip(colours, (at) => tooltipOf(table, at.value[2])),
          xAxis: columnAxis(colours, { ...x, label: better(x) }, false),
          yAxis: [columnAxis(colours, { ...y, label: better(y) }, true), unitAxis], dataZoom: zoom(),
          series: [line, ...limits, ...points, placedOn(colours, table, place, state.selected)],
        },
        label: `${figure.front.length} observations on the front`,
      };
    },

    importance(figure, table, colours) {
      const bars = [...figure.bars].reverse();
      return {
        option: {
          grid: grid({ left: 150, top: 12, right: 56 }),
          tooltip: tooltip(colours, (at) => lines([[at.name, true], [`${(100 * at.value).toFixed(1)} %`, false]])),
          xAxis: axis(colours, `share of what the parameters explain of ${figure.metric}`, { type: "value", min: 0, max: 1,
            axisLabel: { color: colours.muted, formatter: (value) => `${Math.round(100 * value)} %` } }),
          yAxis: axis(colours, "", { type: "category", data: bars.map((bar) => bar.parameter),
            axisLabel: { color: colours.text, formatter: (value) => tail(value, 20) }, splitLine: { show: false } }),
          series: [{ id: "bars", type: "bar", data: bars.map((bar) => bar.share), itemStyle: { color: colours.bar },
            barMaxWidth: 22, label: { show: true, position: "right", color: colours.text,
              formatter: (at) => `${Math.round(100 * at.value)} %` } }],
        },
        label: figure.bars.slice(0, 3).map((bar) => `${bar.parameter} ${Math.round(100 * bar.share)} %`).join(", "),
      };
    },

    parallel(figure, table, colours, state) {
      const dimensions = figure.dimensions.map((key) => column(table, key));
      const colour = column(table, figure.colour);
      const best = new Set(figure.best);
      const usable = table.number.map((_, row) => row).filter((row) => !table.failed[row] && isPresent(valueOf(colour, row)));
      const isMany = usable.length > MANY;
      const at = dimensions.length; // behind the axes' values: the row
      const data = (rows) => rows.map((row) => [...dimensions.map((one) => valueOf(one, row) ?? NaN), row]);
      const line = (id, name, rows, width, opacity, more) => ({ id, name, type: "parallel", data: data(rows),
        animation: false, progressive: 0, inactiveOpacity: 0.03, activeOpacity: Math.min(1, opacity + 0.3),
        lineStyle: { width, opacity }, emphasis: { lineStyle: { width: width + 2, opacity: 1 } }, ...more });
      const shownRows = usable.filter((row) => !best.has(table.number[row]));
      const bestRows = usable.filter((row) => best.has(table.number[row]));
      const selected = usable.filter((row) => table.number[row] === state.selected);
      return {
        option: {
          parallel: { left: 64, right: 150, top: 52, bottom: 28 },
          tooltip: tooltip(colours, (hit) => tooltipOf(table, hit.value[at])),
          parallelAxis: dimensions.map((one, dim) => parallelAxis(colours, one, dim, dimensions.length)),
          visualMap: [{ ...ramp(colours, colour, usable, { dimension: figure.dimensions.indexOf(figure.colour) }),
            seriesIndex: [0] }],
          series: [
            line("lines", "observed", shownRows, isMany ? 0.6 : 1.2, isMany ? 0.12 : 0.6, {}),
            line("best", "best", bestRows, 3, 1, { lineStyle: { width: 3, opacity: 1, color: colours.best }, z: 5 }),
            line("selected", "selected", selected, 3, 1, { lineStyle: { width: 3, opacity: 1, color: colours.text }, z: 6 }),
          ],
        },
        rowAt: at,
        label: `${usable.length} observations over ${dimensions.length} axes`,
      };
    },

    contour(figure, table, colours, state) {
      const [x, y] = [column(table, figure.x), column(table, figure.y)];
      const index = (one, value) => (one.type === "category" ? one.categories.indexOf(value) : value);
      const xs = figure.xs.map((value) => index(x, value)), ys = figure.ys.map((value) => index(y, value));
      const cells = ys.flatMap((_, row) => xs.map((_, place) => [place, row, 0, figure.medians[row][place]]));
      const place = (row) => [valueOf(x, row), valueOf(y, row)];
      const points = pointSeries(colours, table, figure, place, {}).filter((each) => each.id !== "failed");
      points.forEach((each) => { Object.assign(each.itemStyle, { borderColor: colours.back, borderWidth: 1 }); });
      const ends = (one, values) => (one.type === "category" ? {} : { min: Math.min(...values), max: Math.max(...values), scale: true });
      const surface = { id: "surface", name: "model", type: "custom", data: cells, clip: true, animation: false, z: 1,
        encode: { x: -1, y: -1 }, renderItem: (_, api) => cell(api, xs, ys), progressive: 0 };
      const [low, high] = bounds(cells.map((each) => each[3]));
      const map = ramp(colours, { type: "number", log: false, label: figure.metric, values: [low, high] }, [0, 1], {});
      return {
        option: {
          grid: grid({ right: 110 }), legend: legend(colours, namesOf(points)),
          tooltip: tooltip(colours, (at) => (at.seriesId === "surface"
            ? lines([[`${figure.metric} about ${number(at.value[3])} expected`, true],
              [`${x.label} = ${number(figure.xs[at.value[0]])}`, false], [`${y.label} = ${number(figure.ys[at.value[1]])}`, false],
              [figure.through, false]])
            : tooltipOf(table, at.value[2]))),
          xAxis: { ...columnAxis(colours, x, false), ...ends(x, xs) },
          yAxis: [{ ...columnAxis(colours, y, true), ...ends(y, ys) }, unitAxis],
          visualMap: [{ ...map, seriesIndex: [0] }], dataZoom: zoom(),
          series: [surface, ...points, placedOn(colours, table, place, state.selected)],
        },
        label: `from ${number(low)} to ${number(high)}`,
      };
    },

    curves(figure, table, colours, state) {
      const series = figure.lines.map((line, place) => ({
        id: `line-${line.label}`, name: line.label, type: "line", animation: false, connectNulls: true,
        data: line.x.map((x, at) => [x, line.y[at]]), showSymbol: line.x.length < 40, symbol: "circle", symbolSize: 5,
        lineStyle: { width: line.number !== null && line.number === state.selected ? 4 : 2 },
        color: colours.series[place % colours.series.length], emphasis: { focus: "series" } }));
      return {
        option: {
          grid: grid(), legend: legend(colours, series.map((each) => each.name)),
          tooltip: tooltip(colours, (at) => lines([[at.seriesName, true], [`${figure.along} ${number(at.value[0])}`, false],
            [`${figure.metric} ${number(at.value[1])}`, false]])),
          xAxis: axis(colours, figure.along, { type: "value", minInterval: 1, scale: true, splitLine: { show: false } }),
          yAxis: axis(colours, figure.metric, { type: "value", scale: true, nameGap: 52 }), dataZoom: zoom(), series,
        },
        label: figure.lines.map((line) => `${line.label}: ${number(line.y[line.y.length - 1])} at last`).slice(0, 5).join("; "),
      };
    },

    confusion(figure, table, colours) {
      const totals = figure.counts.map((row) => row.reduce((sum, count) => sum + count, 0));
      const share = (count, truth) => (totals[truth] ? count / totals[truth] : 0);
      const data = figure.counts.flatMap((row, truth) => row.map((count, guess) => ({
        value: [guess, truth, share(count, truth), count],
        label: { color: share(count, truth) > 0.5 ? colours.back : colours.text } })));
      const right = figure.counts.reduce((sum, row, place) => sum + row[place], 0);
      const all = totals.reduce((sum, total) => sum + total, 0);
      const labels = { color: colours.text, interval: 0, width: 90, overflow: "truncate" };
      return {
        option: {
          grid: grid({ left: 100, top: 12, bottom: 92 }),
          tooltip: tooltip(colours, (at) => lines([
            [`${figure.classes[at.value[1]]} taken for ${figure.classes[at.value[0]]}`, true],
            [`${at.value[3]} of ${totals[at.value[1]]} (${(100 * at.value[2]).toFixed(1)} %)`, false]])),
          xAxis: axis(colours, "predicted", { type: "category", data: figure.classes, nameGap: 70, splitLine: { show: false },
            axisLabel: { ...labels, rotate: 45 } }),
          yAxis: axis(colours, "true", { type: "category", data: figure.classes, inverse: true, nameGap: 84,
            axisLabel: labels, splitLine: { show: false } }),
          visualMap: [{ show: false, dimension: 2, min: 0, max: 1, seriesIndex: [0],
            inRange: { color: [colours.back, colours.point] } }],
          series: [{ id: "counts", type: "heatmap", data, label: { show: figure.classes.length <= 16, fontSize: 10,
            formatter: (at) => (at.value[3] ? String(at.value[3]) : "") },
            itemStyle: { borderColor: colours.grid, borderWidth: 1 } }],
        },
        label: all ? `${right} of ${all} right` : "empty",
      };
    },
  };

  const better = (one) => `${one.label} (${one.objective === "minimize" ? "lower" : "higher"} is better)`;

  // Of many axes every second name stands higher, so that there is room for each.
  function parallelAxis(colours, one, dim, count) {
    const base = { dim, name: tail(one.label, count > 6 ? 16 : 20), nameTextStyle: { color: colours.text, fontSize: 11 },
      nameGap: count > 6 && dim % 2 ? 28 : 12, nameTruncate: { maxWidth: 160 }, axisLine: { lineStyle: { color: colours.muted } },
      axisTick: { lineStyle: { color: colours.muted } },
      axisLabel: { color: colours.text, fontSize: 10, formatter: (value) => number(value) },
      areaSelectStyle: { width: 16, borderColor: colours.best, color: colours.best, opacity: 0.25 } };
    if (one.type === "category") {
      return { ...base, type: "category", data: one.categories, axisLabel: { color: colours.text, fontSize: 10, width: 70, overflow: "truncate" } };
    }
    const ends = isLog(one) ? { min: extent(one)[0], max: extent(one)[1] } : { scale: true };
    return { ...base, type: isLog(one) ? "log" : "value", ...ends };
  }

  // A rectangle of the contour: half way to its neighbours on each side, on linear and log axes alike.
  function cell(api, xs, ys) {
    const [place, row] = [api.value(0), api.value(1)];
    const [left, right] = edges((index) => api.coord([xs[index], ys[row]])[0], place, xs.length);
    const [top, bottom] = edges((index) => api.coord([xs[place], ys[index]])[1], row, ys.length);
    return { type: "rect", shape: { x: left, y: top, width: right - left, height: bottom - top },
      style: { fill: api.visual("color") } };
  }

  function edges(at, index, count) {
    const here = at(index);
    const before = index > 0 ? (at(index - 1) - here) / 2 : null;
    const after = index < count - 1 ? (at(index + 1) - here) / 2 : null;
    const ends = [here + (before ?? -(after ?? 20)), here + (after ?? -(before ?? -20))];
    return [Math.round(Math.min(...ends)), Math.round(Math.max(...ends))];
  }

  // --- drawing ---

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
      this.observer = new ResizeObserver(() => { if (this.chart && element.clientWidth) this.chart.resize(); });
      this.observer.observe(element);
      this.update(figure, table);
    }

    update(figure, table) {
      this.figure = figure;
      this.table = table || this.table;
      this.render(false);
    }

    select(chosen) {
      this.state.selected = chosen;
      this.render(false);
    }

    dispose() {
      live.delete(this);
      this.observer.disconnect();
      if (this.chart) this.chart.dispose();
      this.chart = null;
    }

    render(isNew) {
      if (this.figure.reason) return this.explain(this.figure.reason);
      if (!this.chart) this.open();
      const { option, label, rowAt } = KINDS[this.figure.kind](this.figure, this.table, PALETTES[scheme()], this.state);
      this.rowAt = rowAt;
      this.element.setAttribute("role", "img");
      this.element.setAttribute("aria-label", `${this.figure.title}: ${label}`);
      // Merged into what is drawn: zoom, brushed axes and legend stay. Series are replaced by their ids.
      const merged = { backgroundColor: "transparent", textStyle: { fontFamily: "system-ui, sans-serif" }, ...option };
      if (this.wasDrawn) delete merged.dataZoom;
      const axes = this.axes(merged);
      const isSame = this.wasDrawn && axes === this.drawnAxes && !isNew;
      this.chart.setOption(isSame ? merged : { ...option, ...merged, dataZoom: option.dataZoom },
        isSame ? { replaceMerge: ["series"] } : { notMerge: true });
      this.wasDrawn = true;
      this.drawnAxes = axes;
      return undefined;
    }

    axes(option) {
      const of = (one) => [one].flat().filter(Boolean).map((each) => `${each.name}/${each.type}`);
      return JSON.stringify([this.figure.kind, of(option.xAxis), of(option.yAxis), of(option.parallelAxis), (option.visualMap || []).map((each) => each.type)]);
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
      this.wasDrawn = false;
      const text = document.createElement("p");
      text.className = "figure-reason";
      text.textContent = reason;
      this.element.removeAttribute("role");
      this.element.removeAttribute("aria-label");
      this.element.replaceChildren(text);
    }

    clicked(hit) {
      const line = this.figure.kind === "curves" ? this.figure.lines[hit.seriesIndex] : null;
      const row = this.rowAt === undefined ? Array.isArray(hit.value) ? hit.value[2] : undefined : hit.value[this.rowAt];
      if (this.figure.kind === "confusion" || hit.seriesId === "surface" || hit.seriesId === "bars") return;
      const detail = line ? { number: line.number } : this.table && row !== undefined ? observation(this.table, row) : null;
      if (!detail || detail.number === null) return;
      this.select(detail.number);
      this.element.dispatchEvent(new CustomEvent("sigtune:observation", { bubbles: true, detail }));
    }

    brushed() {
      const axes = this.chart.getModel().queryComponents({ mainType: "parallelAxis" });
      const isBrushed = axes.some((one) => one.activeIntervals.length);
      const numbers = [];
      const model = this.chart.getModel();
      for (const id of ["lines", "best"]) {
        const series = model.getSeriesByName(id === "lines" ? "observed" : "best")[0];
        if (!series) continue;
        for (const index of series.getRawIndicesByActiveState("active")) {
          numbers.push(this.table.number[series.getRawData().get(series.getRawData().getDimension(this.rowAt), index)]);
        }
      }
      const detail = { numbers: isBrushed ? numbers : null };
      this.element.dispatchEvent(new CustomEvent("sigtune:brush", { bubbles: true, detail }));
    }
  }

  const redraw = () => live.forEach((drawn) => drawn.render(false));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });

  const columns = (table) => table.columns.map(({ key, label, role, type }) => ({ key, label, role, type }));
  return { draw, columns, text: shown };
})();
