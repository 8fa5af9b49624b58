/* What the figures of sigtune.report.series have in common: colours, the table, texts, axes, points. */
"use strict";

const sigtuneFigureParts = (() => {
  const PALETTES = {
    light: {
      text: "#1f2933",
      muted: "#52606d",
      line: "#cbd2d9",
      grid: "#e4e7eb",
      back: "#ffffff",
      point: "#2f6db3",
      best: "#c2410c",
      failed: "#b42318",
      other: "#7b8794",
      bar: "#2f6db3",
      ramp: ["#440154", "#3b528b", "#21918c", "#5ec962", "#d9c80f"],
      series: ["#2f6db3", "#c2410c", "#2b7a4b", "#7a4fb5", "#a16207", "#0e7490", "#be185d", "#4d5a68"],
    },
    dark: {
      text: "#e4e7eb",
      muted: "#a9b4c0",
      line: "#52606d",
      grid: "#323f4b",
      back: "#1b222a",
      point: "#6fb1f2",
      best: "#ffa14a",
      failed: "#ff8a7a",
      other: "#8895a3",
      bar: "#6fb1f2",
      ramp: ["#7b4fa8", "#5a7fd0", "#2fb5ac", "#7bdc70", "#fde725"],
      series: ["#6fb1f2", "#ffa14a", "#6fd39a", "#c3a1f5", "#e3c14f", "#5fd0e6", "#f58cc0", "#b6c2cf"],
    },
  };
  const MANY = 2000; // from so many points on they are smaller, fainter and not animated
  const SYMBOL = {
    ok: "circle",
    best: "diamond",
    failed: "path://M1,0L5,4L9,0L10,1L6,5L10,9L9,10L5,6L1,10L0,9L4,5L0,1Z",
  };

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
    if (value === 0 || (Number.isInteger(value) && Math.abs(value) < 1e6)) return String(value);
    const size = Math.abs(value);
    return size >= 1e5 || size < 1e-3
      ? value.toExponential(3).replace(/\.?0+e/, "e")
      : String(Number(value.toPrecision(5)));
  }

  function rowsByNumber(table) {
    const rows = new Map();
    table.number.forEach((each, row) => rows.set(each, row));
    return rows;
  }

  function observation(table, row) {
    const of = (role) =>
      Object.fromEntries(
        table.columns
          .filter((each) => each.role === role && shown(each, row) !== "")
          .map((each) => [each.label, each.type === "category" ? shown(each, row) : each.values[row]]),
      );
    return {
      number: table.number[row],
      id: table.id[row],
      job: table.job[row],
      failed: table.failed[row],
      reason: table.reason[row],
      assignments: of("parameter"),
      values: of("metric"),
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
    trigger: "item",
    confine: true,
    backgroundColor: colours.back,
    borderColor: colours.line,
    padding: 8,
    textStyle: { color: colours.text, fontSize: 12 },
    transitionDuration: 0,
    formatter,
    ...more,
  });

  // --- axes ---

  function axis(colours, name, more) {
    return {
      name,
      nameLocation: "middle",
      nameGap: 30,
      nameTextStyle: { color: colours.text, fontSize: 12 },
      axisLine: { lineStyle: { color: colours.line } },
      axisTick: { lineStyle: { color: colours.line } },
      axisLabel: { color: colours.muted, hideOverlap: true, formatter: (value) => number(value) },
      splitLine: { lineStyle: { color: colours.grid } },
      ...more,
    };
  }

  function columnAxis(colours, one, isVertical) {
    const gap = { nameGap: isVertical ? 52 : 30 };
    if (one.type === "category") {
      const label = { color: colours.muted, hideOverlap: true, width: 110, overflow: "truncate" };
      return axis(colours, one.label, { ...gap, type: "category", data: one.categories, axisLabel: label });
    }
    const ends = isLog(one) ? { min: extent(one)[0], max: extent(one)[1] } : { scale: true };
    return axis(colours, one.label, {
      ...gap,
      type: isLog(one) ? "log" : "value",
      minInterval: one.integer ? 1 : 0,
      ...ends,
    });
  }

  function extent(one) {
    const values = one.values.filter((value) => value !== null);
    return [Math.min(one.low, ...bounds(values).slice(0, 1)), Math.max(one.high, ...bounds(values).slice(1))];
  }

  function bounds(values) {
    let low = Infinity,
      high = -Infinity;
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
    return {
      type: "scroll",
      top: 0,
      data: names,
      textStyle: { color: colours.text },
      inactiveColor: colours.line,
      pageTextStyle: { color: colours.text },
      pageIconColor: colours.text,
      pageIconInactiveColor: colours.line,
    };
  }

  // What a point's colour is chosen by: of a parameter on a logarithmic scale its logarithm.
  const isLog = (one) => one.log && one.values.every((value) => !isPresent(value) || value > 0);
  const shades = (one) =>
    isLog(one) ? one.values.map((value) => (isPresent(value) ? Math.log10(value) : value)) : one.values;
  const tail = (text, most) => (text.length > most ? `…${text.slice(1 - most)}` : text); // config keys differ at their ends
  const short = (text) => (text.length > 16 ? `${text.slice(0, 15)}…` : text);

  function ramp(colours, one, rows, more) {
    const values = shades(one),
      isLogarithm = values !== one.values;
    const [low, high] = bounds(rows.map((row) => values[row]).filter(isPresent));
    const told = (value) => number(isLogarithm ? 10 ** value : value);
    const base = {
      dimension: 3,
      right: 4,
      top: "middle",
      textStyle: { color: colours.muted, fontSize: 11 },
      ...more,
    };
    if (one.type === "category") {
      const pieces = one.categories.map((label, value) => ({
        value,
        label,
        color: colours.series[value % colours.series.length],
      }));
      return { ...base, type: "piecewise", pieces, outOfRange: { color: colours.other } };
    }
    const ends = low === undefined ? [0, 1] : low === high ? [low - 0.5, high + 0.5] : [low, high];
    const text = more ? [told(ends[1]), told(ends[0])] : [short(one.label), ""]; // one to drag says its ends by itself
    return {
      ...base,
      type: "continuous",
      min: ends[0],
      max: ends[1],
      calculable: !more,
      itemHeight: 140,
      itemWidth: 14,
      precision: 4,
      text,
      formatter: told,
      inRange: { color: colours.ramp },
    };
  }

  // --- points of the table's rows, in series that every figure of points has ---

  const isPresent = (value) => value !== null && value !== undefined;

  function pointSeries(colours, table, figure, place, options) {
    const best = new Set(figure.best || figure.front || []);
    const kinds = { ok: [], unfit: [], best: [], failed: [] };
    const colour = options.colour && shades(options.colour);
    for (let row = 0; row < table.number.length; row += 1) {
      const [x, y] = place(row);
      if (table.failed[row]) {
        if (isPresent(x) && !isPresent(y)) kinds.failed.push([x, 0.02, row]);
        continue;
      }
      if (!isPresent(x) || !isPresent(y)) continue;
      const kind = best.has(table.number[row]) ? "best" : table.feasible[row] ? "ok" : "unfit";
      const value = [x, y, row, ...(colour ? [colour[row]] : [])];
      kinds[kind].push(options.spread ? { value, symbolOffset: options.spread(row) } : value);
    }
    const isMany = table.number.length > MANY;
    const one = (id, name, data, more) => ({
      id,
      name,
      type: "scatter",
      data,
      animation: false,
      z: 3,
      progressive: 0,
      emphasis: { scale: 1.6 },
      ...more,
    });
    const asOnePath = isMany && !colour && !options.spread; // many times as fast, for points that look alike
    const faint = isMany ? 0.55 : 0.85;
    return [
      one("ok", "observed", kinds.ok, {
        large: asOnePath,
        largeThreshold: 0,
        symbolSize: isMany ? 4 : 8,
        itemStyle: { color: colours.point, opacity: faint },
      }),
      one("unfit", "misses a threshold", kinds.unfit, {
        symbol: "triangle",
        symbolSize: isMany ? 5 : 9,
        itemStyle: { color: colours.other, opacity: faint },
      }),
      one("failed", "failed", kinds.failed, {
        symbol: SYMBOL.failed,
        symbolSize: isMany ? 5 : 9,
        yAxisIndex: 1,
        itemStyle: { color: colours.failed, opacity: isMany ? 0.6 : 1 },
        z: 4,
      }),
      one("best", "best", kinds.best, {
        symbol: SYMBOL.best,
        symbolSize: best.size > 30 ? 9 : 15,
        z: 6,
        itemStyle: { color: colours.best, borderColor: colours.back, borderWidth: 1 },
      }),
    ];
  }

  // Points of one category would hide each other: each stands a little aside, always the same way.
  function spreadOf(table, x, y) {
    if (x.type !== "category" && y.type !== "category") return null;
    const aside = (row, share) => 44 * (((table.number[row] * share) % 1) - 0.5);
    return (row) => [
      x.type === "category" ? aside(row, 0.618034) : 0,
      y.type === "category" ? aside(row, 0.754878) : 0,
    ];
  }

  const namesOf = (series) =>
    series.filter((each) => each.data.length && !each.silent).map((each) => each.name);

  function selectionSeries(colours, at) {
    return {
      id: "selected",
      name: "selected",
      type: "scatter",
      data: at ? [at] : [],
      silent: true,
      animation: false,
      z: 8,
      symbol: "circle",
      symbolSize: 20,
      itemStyle: { color: "rgba(0,0,0,0)", borderColor: colours.text, borderWidth: 2 },
    };
  }

  function thresholdLine(colours, value, isVertical) {
    if (!isPresent(value)) return undefined;
    return {
      silent: true,
      symbol: "none",
      animation: false,
      lineStyle: { color: colours.muted, type: "dashed" },
      label: { color: colours.muted, formatter: `threshold ${number(value)}`, position: "insideEndTop" },
      data: [isVertical ? { xAxis: value } : { yAxis: value }],
    };
  }

  function placedOn(colours, table, place, selected) {
    const row = selected === null ? undefined : rowsByNumber(table).get(selected);
    const at = row === undefined ? null : place(row);
    return selectionSeries(colours, at && isPresent(at[0]) && isPresent(at[1]) ? at : null);
  }

  return {
    PALETTES,
    MANY,
    axis,
    bounds,
    column,
    columnAxis,
    extent,
    grid,
    isLog,
    isPresent,
    legend,
    lines,
    namesOf,
    number,
    observation,
    placedOn,
    pointSeries,
    ramp,
    rowsByNumber,
    shown,
    spreadOf,
    tail,
    thresholdLine,
    tooltip,
    tooltipOf,
    unitAxis,
    valueOf,
    zoom,
  };
})();
