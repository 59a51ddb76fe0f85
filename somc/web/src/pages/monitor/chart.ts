/**
 * The one chart of the pages, on ECharts: bars by half hour against the left axis, lines against the right.
 * Only the parts it uses are bundled. Tooltips are drawn, not made of HTML: the pages' content security policy
 * allows no inline style.
 */
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, SVGRenderer]);

export interface Series {
  name: string;
  values: (number | null)[];
  colour: string;
}

export interface Drawing {
  labels: string[];
  bars: Series[];
  lines: Series[];
  /** What the right axis counts in. */
  unit: string;
}

export interface Chart {
  draw(drawing: Drawing): void;
  resize(): void;
  dispose(): void;
}

const INK = "#a8b7ad";
const LINE = "#263a33";

export function makeChart(box: HTMLElement): Chart {
  const chart = init(box, null, { renderer: "svg" });
  const font = getComputedStyle(box).fontFamily;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  return {
    draw({ labels, bars, lines, unit }) {
      chart.setOption(
        {
          animation: !still,
          animationDuration: 400,
          textStyle: { fontFamily: font },
          grid: { left: 34, right: 40, top: 34, bottom: 24 },
          legend: { right: 4, top: 0, itemWidth: 14, itemHeight: 9, itemGap: 14, textStyle: { color: INK, fontSize: 12, fontFamily: font } },
          tooltip: {
            trigger: "axis",
            renderMode: "richText",
            backgroundColor: "#0b1513",
            borderColor: LINE,
            textStyle: { color: "#f4ecd8", fontSize: 13 },
          },
          xAxis: {
            type: "category",
            data: labels,
            axisLine: { lineStyle: { color: LINE } },
            axisTick: { show: false },
            axisLabel: { color: INK, fontSize: 11 },
          },
          yAxis: [
            { type: "value", minInterval: 1, splitNumber: 3, splitLine: { lineStyle: { color: LINE } }, axisLabel: { color: INK, fontSize: 11 } },
            { type: "value", splitNumber: 3, min: 0, splitLine: { show: false }, axisLabel: { color: INK, fontSize: 11, formatter: `{value} ${unit}` } },
          ],
          series: [
            ...bars.map((bar) => ({
              type: "bar" as const,
              name: bar.name,
              data: bar.values,
              barMaxWidth: 18,
              itemStyle: { color: bar.colour, borderRadius: [3, 3, 0, 0] },
            })),
            ...lines.map((line) => ({
              type: "line" as const,
              name: line.name,
              data: line.values,
              yAxisIndex: 1,
              smooth: 0.25,
              symbolSize: 6,
              connectNulls: true,
              lineStyle: { width: 2 },
              itemStyle: { color: line.colour },
            })),
          ],
        },
        { notMerge: false },
      );
    },
    resize: () => chart.resize(),
    dispose: () => chart.dispose(),
  };
}
