import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuMs } from "../../../../test/cpu-time.ts";
import { proxiedLink, rewriteLinks } from "./html-links.ts";

const page = { prefix: "/proxy/here", hosts: ["10.42.0.7:80", "localhost:8001"] };

test("absolute paths lead through the proxy, all else stays", () => {
  const table: Record<string, string> = {
    "/a/b?c#d": "/proxy/here/a/b?c#d",
    "/": "/proxy/here/",
    "/proxy/here/a": "/proxy/here/a",
    "a/b": "a/b",
    "#top": "#top",
    "": "",
    "https://example.test/a": "https://example.test/a",
    "//example.test/a": "//example.test/a",
    "http://10.42.0.7:80/a": "/proxy/here/a",
    "http://localhost:8001/a": "http://localhost:8001/proxy/here/a",
    "mailto:someone": "mailto:someone",
    "javascript:/x/.test(y)": "javascript:/x/.test(y)",
  };
  for (const [link, expected] of Object.entries(table)) assert.equal(proxiedLink(link, page), expected);
});

test("only the attributes that hold links are rewritten", () => {
  const rewrite = (link: string) => `P${link}`;
  const table: Record<string, string> = {
    '<a href="/x">/x</a>': '<a href="P/x">/x</a>',
    "<A class='/c' HREF='/x'>": "<A class='/c' HREF='P/x'>",
    "<img src=/i.png alt=/a>": '<img src="P/i.png" alt=/a>',
    '<script src="/s.js"></script>': '<script src="P/s.js"></script>',
    '<form method="get" action = "/go">': '<form method="get" action = "P/go">',
    '<p title="a > b"><link href="/c.css"/>': '<p title="a > b"><link href="P/c.css"/>',
    "if (a < b) x": "if (a < b) x",
    '<div data-href="/x">': '<div data-href="/x">',
  };
  for (const [html, expected] of Object.entries(table)) assert.equal(rewriteLinks(html, rewrite), expected);
});

test("a page that is made to be slow is not", async () => {
  const count = 100_000;
  const pages = [
    "<a".repeat(count),
    `<a ${"a".repeat(count)}>`,
    `<a ${"a ".repeat(count)}>`,
    `<a "`.repeat(count),
    `<a ${"x ='".repeat(count)}>`,
    `<a x${" ".repeat(count)}>`,
  ];
  for (const each of pages)
    assert.ok((await cpuMs(() => rewriteLinks(each, (link) => link))) < 3_000, each.slice(0, 10));
});
