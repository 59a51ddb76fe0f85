/** The entry of all pages: which one this is, is in the path; each is loaded only when it is asked for. */
import { createApp } from "vue";
import type { Component } from "vue";

import "./style/ground.css";

type Load = () => Promise<{ default: Component }>;

const PAGES: [RegExp, Load][] = [
  [/^\/kiosk\/?$/, () => import("./pages/kiosk/KioskPage.vue")],
  [/^\/display\/?$/, () => import("./pages/display/DisplayPage.vue")],
  [/^\/counter(\/\d+)?\/?$/, () => import("./pages/counter/CounterPage.vue")],
  [/^\/second(\/\d+)?\/?$/, () => import("./pages/second/SecondPage.vue")],
  [/^\/admin\/?$/, () => import("./pages/admin/AdminPage.vue")],
  [/^\/policy\/?$/, () => import("./pages/policy/PolicyPage.vue")],
  [/^\/promise\/?$/, () => import("./pages/promise/PromisePage.vue")],
  [/^\/monitor\/?$/, () => import("./pages/monitor/MonitorPage.vue")],
];
const HOME: Load = () => import("./pages/home/HomePage.vue");

const load = PAGES.find(([path]) => path.test(location.pathname))?.[1] ?? HOME;

void load().then((page) => createApp(page.default).mount("#app"));
