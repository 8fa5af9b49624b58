/* One function for each kind of figure of sigtune.report.series: the option of ECharts, and what it shows in words. */
"use strict";

const sigtuneFigureKinds = (() => {
  const {
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
    placedOn,
    pointSeries,
    ramp,
    rowsByNumber,
    spreadOf,
    tail,
    thresholdLine,
    tooltip,
    tooltipOf,
    unitAxis,
    valueOf,
    zoom,
  } = sigtuneFigureParts;

  const KINDS = {
    history(figure, table, colours, state) {
      const metric = column(table, figure.metric);
      const place = (row) => [table.number[row], metric.values[row]];
      const points = pointSeries(colours, table, figure, place, {});
      const steps = figure.best_so_far.map((each) => [...each]);
      const last = table.number[table.number.length - 1];
      if (steps.length) steps.push([last, steps[steps.length - 1][1]]);
      const trace = {
        id: "trace",
        name: "best so far",
        type: "line",
        step: "end",
        data: steps,
        symbol: "none",
        animation: false,
        silent: true,
        lineStyle: { color: colours.best, width: 2 },
        itemStyle: { color: colours.best },
        markLine: thresholdLine(colours, figure.threshold),
        z: 2,
      };
      return {
        option: {
          grid: grid(),
          legend: legend(colours, [...namesOf(points), "best so far"]),
          tooltip: tooltip(colours, (at) => tooltipOf(table, at.value[2])),
          xAxis: axis(colours, "observation", {
            type: "value",
            minInterval: 1,
            min: 0,
            max: Math.max(last || 1, 1) + 1,
            splitLine: { show: false },
          }),
          yAxis: [columnAxis(colours, metric, true), unitAxis],
          dataZoom: zoom(),
          series: [trace, ...points, placedOn(colours, table, place, state.selected)],
        },
        rowAt: 2,
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
          grid: grid({ right: colour ? 110 : 24 }),
          legend: legend(colours, namesOf(points)),
          tooltip: tooltip(colours, (at) => tooltipOf(table, at.value[2])),
          xAxis: columnAxis(colours, x, false),
          yAxis: [columnAxis(colours, y, true), unitAxis],
          dataZoom: zoom(),
          visualMap: visual || [],
          series: [...points, placedOn(colours, table, place, state.selected)],
        },
        rowAt: 2,
        label: `${namesOf(points).join(", ") || "no"} points`,
      };
    },

    pareto(figure, table, colours, state) {
      const [x, y] = [column(table, figure.x), column(table, figure.y)];
      const place = (row) => [x.values[row], y.values[row]];
      const points = pointSeries(colours, table, figure, place, {});
      points.forEach((each) => {
        if (each.id === "best") each.name = "Pareto front";
      });
      const rows = rowsByNumber(table);
      const front = figure.front.filter((each) => rows.has(each)).map((each) => place(rows.get(each)));
      const line = {
        id: "front",
        name: "front",
        type: "line",
        data: front,
        symbol: "none",
        silent: true,
        animation: false,
        lineStyle: { color: colours.best, width: 1.5, type: "dotted" },
        z: 2,
      };
      const limits = [
        ["x", figure.thresholds[0], true],
        ["y", figure.thresholds[1], false],
      ].map(([id, value, isVertical]) => ({
        id: `threshold-${id}`,
        type: "line",
        data: [],
        silent: true,
        markLine: thresholdLine(colours, value, isVertical),
      }));
      return {
        option: {
          grid: grid(),
          legend: legend(colours, namesOf(points)),
          tooltip: tooltip(colours, (at) => tooltipOf(table, at.value[2])),
          xAxis: columnAxis(colours, { ...x, label: better(x) }, false),
          yAxis: [columnAxis(colours, { ...y, label: better(y) }, true), unitAxis],
          dataZoom: zoom(),
          series: [line, ...limits, ...points, placedOn(colours, table, place, state.selected)],
        },
        rowAt: 2,
        label: `${figure.front.length} observations on the front`,
      };
    },

    importance(figure, table, colours) {
      const bars = [...figure.bars].reverse();
      const longest = Math.max(...bars.map((bar) => Math.min(bar.parameter.length, 20)));
      return {
        option: {
          grid: grid({ left: 16 + 7 * longest, top: 12, right: 56 }),
          tooltip: tooltip(colours, (at) =>
            lines([
              [at.name, true],
              [`${(100 * at.value).toFixed(1)} %`, false],
            ]),
          ),
          xAxis: axis(colours, `share of what the parameters explain of ${figure.metric}`, {
            type: "value",
            min: 0,
            max: 1,
            axisLabel: {
              color: colours.muted,
              hideOverlap: true,
              formatter: (value) => `${Math.round(100 * value)} %`,
            },
          }),
          yAxis: axis(colours, "", {
            type: "category",
            data: bars.map((bar) => bar.parameter),
            axisLabel: { color: colours.text, formatter: (value) => tail(value, 20) },
            splitLine: { show: false },
          }),
          series: [
            {
              id: "bars",
              type: "bar",
              data: bars.map((bar) => bar.share),
              itemStyle: { color: colours.bar },
              barMaxWidth: 22,
              label: {
                show: true,
                position: "right",
                color: colours.text,
                formatter: (at) => `${Math.round(100 * at.value)} %`,
              },
            },
          ],
        },
        label: figure.bars
          .slice(0, 3)
          .map((bar) => `${bar.parameter} ${Math.round(100 * bar.share)} %`)
          .join(", "),
      };
    },

    parallel(figure, table, colours, state) {
      const dimensions = figure.dimensions.map((key) => column(table, key));
      const colour = column(table, figure.colour);
      const best = new Set(figure.best);
      const usable = table.number
        .map((_, row) => row)
        .filter((row) => !table.failed[row] && isPresent(valueOf(colour, row)));
      const isMany = usable.length > MANY;
      const at = dimensions.length; // behind the axes' values: the row
      const data = (rows) => rows.map((row) => [...dimensions.map((one) => valueOf(one, row) ?? NaN), row]);
      const line = (id, name, rows, width, opacity, more) => ({
        id,
        name,
        type: "parallel",
        data: data(rows),
        animation: false,
        progressive: 0,
        inactiveOpacity: 0.03,
        activeOpacity: Math.min(1, opacity + 0.3),
        lineStyle: { width, opacity },
        emphasis: { lineStyle: { width: width + 2, opacity: 1 } },
        ...more,
      });
      const shownRows = usable.filter((row) => !best.has(table.number[row]));
      const bestRows = usable.filter((row) => best.has(table.number[row]));
      const selected = usable.filter((row) => table.number[row] === state.selected);
      return {
        option: {
          parallel: { left: 64, right: 150, top: 52, bottom: 28 },
          tooltip: tooltip(colours, (hit) => tooltipOf(table, hit.value[at])),
          parallelAxis: dimensions.map((one, dim) => parallelAxis(colours, one, dim, dimensions.length)),
          visualMap: [
            {
              ...ramp(colours, colour, usable, { dimension: figure.dimensions.indexOf(figure.colour) }),
              seriesIndex: [0],
            },
          ],
          series: [
            line("lines", "observed", shownRows, isMany ? 0.6 : 1.2, isMany ? 0.12 : 0.6, {}),
            line("best", "best", bestRows, 3, 1, {
              lineStyle: { width: 3, opacity: 1, color: colours.best },
              z: 5,
            }),
            line("selected", "selected", selected, 3, 1, {
              lineStyle: { width: 3, opacity: 1, color: colours.text },
              z: 6,
            }),
          ],
        },
        rowAt: at,
        label: `${usable.length} observations over ${dimensions.length} axes`,
      };
    },

    contour(figure, table, colours, state) {
      const [x, y] = [column(table, figure.x), column(table, figure.y)];
      const index = (one, value) => (one.type === "category" ? one.categories.indexOf(value) : value);
      const xs = figure.xs.map((value) => index(x, value)),
        ys = figure.ys.map((value) => index(y, value));
      const cells = ys.flatMap((_, row) =>
        xs.map((_, place) => [place, row, -1, figure.medians[row][place]]),
      );
      const place = (row) => [valueOf(x, row), valueOf(y, row)];
      const points = pointSeries(colours, table, figure, place, {}).filter((each) => each.id !== "failed");
      points.forEach((each) => {
        Object.assign(each.itemStyle, { borderColor: colours.back, borderWidth: 1 });
      });
      const ends = (one, values) =>
        one.type === "category" ? {} : { min: Math.min(...values), max: Math.max(...values), scale: true };
      const surface = {
        id: "surface",
        name: "model",
        type: "custom",
        data: cells,
        clip: true,
        animation: false,
        z: 1,
        encode: { x: -1, y: -1 },
        renderItem: (_, api) => cell(api, xs, ys),
        progressive: 0,
      };
      const [low, high] = bounds(cells.map((each) => each[3]));
      const map = ramp(
        colours,
        { type: "number", log: false, label: figure.metric, values: [low, high] },
        [0, 1],
        {},
      );
      return {
        option: {
          grid: grid({ right: 110 }),
          legend: legend(colours, namesOf(points)),
          tooltip: tooltip(colours, (at) =>
            at.seriesId === "surface"
              ? lines([
                  [`${figure.metric} about ${number(at.value[3])} expected`, true],
                  [`${x.label} = ${number(figure.xs[at.value[0]])}`, false],
                  [`${y.label} = ${number(figure.ys[at.value[1]])}`, false],
                  [figure.through, false],
                ])
              : tooltipOf(table, at.value[2]),
          ),
          xAxis: { ...columnAxis(colours, x, false), ...ends(x, xs) },
          yAxis: [{ ...columnAxis(colours, y, true), ...ends(y, ys) }, unitAxis],
          visualMap: [{ ...map, seriesIndex: [0] }],
          dataZoom: zoom(),
          series: [surface, ...points, placedOn(colours, table, place, state.selected)],
        },
        rowAt: 2,
        label: `from ${number(low)} to ${number(high)}`,
      };
    },

    slice(figure, table, colours, state) {
      const [x, metric] = [column(table, figure.x), column(table, figure.metric)];
      const xs = figure.xs.map((value) => (x.type === "category" ? x.categories.indexOf(value) : value));
      const line = (id, values, more) => ({
        id,
        name: "model",
        type: "line",
        data: xs.map((value, index) => [value, values[index], -1, index]),
        animation: false,
        itemStyle: { color: colours.bar },
        z: 2,
        ...more,
      });
      const edge = { stack: "interval", stackStrategy: "all", symbol: "none", silent: true, lineStyle: { opacity: 0 } };
      const heights = figure.highs.map((high, index) => high - figure.lows[index]);
      const band = [
        line("low", figure.lows, edge),
        line("high", heights, { ...edge, areaStyle: { color: colours.bar, opacity: 0.18 } }),
      ];
      const median = line("median", figure.medians, { symbol: "circle", symbolSize: 4, lineStyle: { width: 2 } });
      const place = (row) => [valueOf(x, row), valueOf(metric, row)];
      const points = pointSeries(colours, table, figure, place, { spread: spreadOf(table, x, metric) });
      const expected = figure.expected;
      const row = rowsByNumber(table).get(expected.number);
      const told = `between ${number(expected.low)} and ${number(expected.high)}`;
      const marker = {
        id: "expected",
        name: "expected best",
        type: "scatter",
        data: row === undefined ? [] : [[valueOf(x, row), expected.median, row]],
        animation: false,
        symbol: "diamond",
        symbolSize: 18,
        itemStyle: { color: "rgba(0,0,0,0)", borderColor: colours.best, borderWidth: 2 },
        z: 7,
      };
      const modelled = ({ value: [, value, , index] }) =>
        lines([
          [`${metric.label} about ${number(value)} expected`, true],
          [`between ${number(figure.lows[index])} and ${number(figure.highs[index])}`, false],
          [`${x.label} = ${number(figure.xs[index])}`, false],
          [figure.through, false],
        ]);
      const best = lines([
        [`observation ${expected.number} is expected to be the best`, true],
        [`${metric.label} about ${number(expected.median)}, ${told}`, false],
      ]);
      return {
        option: {
          grid: grid(),
          legend: legend(colours, [...namesOf(points), "model", ...namesOf([marker])]),
          tooltip: tooltip(colours, (at) =>
            at.seriesId === "median" ? modelled(at) : at.seriesId === "expected" ? best : tooltipOf(table, at.value[2]),
          ),
          xAxis: columnAxis(colours, x, false),
          yAxis: [columnAxis(colours, metric, true), unitAxis],
          dataZoom: zoom(),
          series: [...band, median, ...points, marker, placedOn(colours, table, place, state.selected)],
        },
        rowAt: 2,
        label: `observation ${expected.number} is expected to be the best, about ${number(expected.median)}, ${told}`,
      };
    },

    curves(figure, table, colours, state) {
      const series = figure.lines.map((line, place) => ({
        id: `line-${line.label}`,
        name: line.label,
        type: "line",
        animation: false,
        connectNulls: true,
        data: line.x.map((x, at) => [x, line.y[at]]),
        showSymbol: line.x.length < 40,
        symbol: "circle",
        symbolSize: 5,
        lineStyle: { width: line.number !== null && line.number === state.selected ? 4 : 2 },
        color: colours.series[place % colours.series.length],
        emphasis: { focus: "series" },
      }));
      return {
        option: {
          grid: grid(),
          legend: legend(
            colours,
            series.map((each) => each.name),
          ),
          tooltip: tooltip(colours, (at) =>
            lines([
              [at.seriesName, true],
              [`${figure.along} ${number(at.value[0])}`, false],
              [`${figure.metric} ${number(at.value[1])}`, false],
            ]),
          ),
          xAxis: axis(colours, figure.along, {
            type: "value",
            minInterval: 1,
            scale: true,
            splitLine: { show: false },
          }),
          yAxis: axis(colours, figure.metric, { type: "value", scale: true, nameGap: 52 }),
          dataZoom: zoom(),
          series,
        },
        label: figure.lines
          .map((line) => `${line.label}: ${number(line.y[line.y.length - 1])} at last`)
          .slice(0, 5)
          .join("; "),
      };
    },

    confusion(figure, table, colours) {
      const totals = figure.counts.map((row) => row.reduce((sum, count) => sum + count, 0));
      const share = (count, truth) => (totals[truth] ? count / totals[truth] : 0);
      const data = figure.counts.flatMap((row, truth) =>
        row.map((count, guess) => ({
          value: [guess, truth, share(count, truth), count],
          label: { color: share(count, truth) > 0.5 ? colours.back : colours.text },
        })),
      );
      const right = figure.counts.reduce((sum, row, place) => sum + row[place], 0);
      const all = totals.reduce((sum, total) => sum + total, 0);
      const labels = { color: colours.text, interval: 0, width: 90, overflow: "truncate" };
      return {
        option: {
          grid: grid({ left: 100, top: 12, bottom: 92 }),
          tooltip: tooltip(colours, (at) =>
            lines([
              [`${figure.classes[at.value[1]]} taken for ${figure.classes[at.value[0]]}`, true],
              [`${at.value[3]} of ${totals[at.value[1]]} (${(100 * at.value[2]).toFixed(1)} %)`, false],
            ]),
          ),
          xAxis: axis(colours, "predicted", {
            type: "category",
            data: figure.classes,
            nameGap: 70,
            splitLine: { show: false },
            axisLabel: { ...labels, rotate: 45 },
          }),
          yAxis: axis(colours, "true", {
            type: "category",
            data: figure.classes,
            inverse: true,
            nameGap: 84,
            axisLabel: labels,
            splitLine: { show: false },
          }),
          visualMap: [
            {
              show: false,
              dimension: 2,
              min: 0,
              max: 1,
              seriesIndex: [0],
              inRange: { color: [colours.back, colours.point] },
            },
          ],
          series: [
            {
              id: "counts",
              type: "heatmap",
              data,
              label: {
                show: figure.classes.length <= 16,
                fontSize: 10,
                formatter: (at) => (at.value[3] ? String(at.value[3]) : ""),
              },
              itemStyle: { borderColor: colours.grid, borderWidth: 1 },
            },
          ],
        },
        label: all ? `${right} of ${all} right` : "empty",
      };
    },
  };

  const better = (one) => `${one.label} (${one.objective === "minimize" ? "lower" : "higher"} is better)`;

  // Of many axes every second name stands higher, so that there is room for each.
  function parallelAxis(colours, one, dim, count) {
    const base = {
      dim,
      name: tail(one.label, count > 6 ? 16 : 20),
      nameTextStyle: { color: colours.text, fontSize: 11 },
      nameGap: count > 6 && dim % 2 ? 28 : 12,
      nameTruncate: { maxWidth: 160 },
      axisLine: { lineStyle: { color: colours.muted } },
      axisTick: { lineStyle: { color: colours.muted } },
      axisLabel: { color: colours.text, fontSize: 10, formatter: (value) => number(value) },
      areaSelectStyle: { width: 16, borderColor: colours.best, color: colours.best, opacity: 0.25 },
    };
    if (one.type === "category") {
      return {
        ...base,
        type: "category",
        data: one.categories,
        axisLabel: { color: colours.text, fontSize: 10, width: 70, overflow: "truncate" },
      };
    }
    const ends = isLog(one) ? { min: extent(one)[0], max: extent(one)[1] } : { scale: true };
    return { ...base, type: isLog(one) ? "log" : "value", ...ends };
  }

  // A rectangle of the contour: half way to its neighbours on each side, on linear and log axes alike.
  function cell(api, xs, ys) {
    const [place, row] = [api.value(0), api.value(1)];
    const [left, right] = edges((index) => api.coord([xs[index], ys[row]])[0], place, xs.length);
    const [top, bottom] = edges((index) => api.coord([xs[place], ys[index]])[1], row, ys.length);
    return {
      type: "rect",
      shape: { x: left, y: top, width: right - left, height: bottom - top },
      style: { fill: api.visual("color") },
    };
  }

  function edges(at, index, count) {
    const here = at(index);
    const before = index > 0 ? (at(index - 1) - here) / 2 : null;
    const after = index < count - 1 ? (at(index + 1) - here) / 2 : null;
    const ends = [here + (before ?? -(after ?? 20)), here + (after ?? -(before ?? -20))];
    return [Math.round(Math.min(...ends)), Math.round(Math.max(...ends))];
  }

  return KINDS;
})();
