// Built from web/ by `cargo xtask generate`.
import{f as a,L as t}from"./page.js";const o={en:()=>import("./en.later.js"),de:()=>import("./de.later.js")};a((await o[t]()).default);
