// Todoist's own SDK against the sandbox: it reads, adds, changes, closes, opens again and syncs, and refuses any answer that
// is not as its schemas say.
//
// OO_NODE_MODULES says where it is installed, OO_TODOIST where the sandbox's Todoist is, OO_CODE, OO_VERIFIER and OO_BACK
// are those of an authorization.

import assert from "node:assert/strict";
import { env } from "node:process";
import { pathToFileURL } from "node:url";

const sdk = await import(pathToFileURL(`${env.OO_NODE_MODULES}/@doist/todoist-sdk/dist/esm/index.js`).href);

// The SDK takes an origin; the sandbox's Todoist lives in a folder of its own.
const { origin, pathname } = new URL(env.OO_TODOIST);
const at = { baseUrl: origin, customFetch: (url, options) => fetch(url.replace(origin, origin + pathname), options) };

const { accessToken } = await sdk.getAuthToken(
  {
    clientId: "sandbox-todoist",
    clientSecret: "sandbox-todoist-secret",
    code: env.OO_CODE,
    codeVerifier: env.OO_VERIFIER,
    redirectUri: env.OO_BACK,
    grantType: "authorization_code",
  },
  at,
);
const api = new sdk.TodoistApi(accessToken, at);

const user = await api.getUser();
assert.ok(user.id && user.tzInfo.timezone);

const before = await api.getTasks();
assert.deepEqual(before.results.map((task) => task.content), ["there before"]);
assert.equal(before.results[0].due.date, "2026-11-30");

const all = await api.sync({ syncToken: "*", resourceTypes: ["items"] });
assert.equal(all.fullSync, true);
assert.equal(all.items.length, 1);

const added = await api.addTask({ content: "of the SDK", priority: 4, dueString: "every day", duration: 30, durationUnit: "minute" });
assert.equal(added.priority, 4);
assert.equal(added.due.isRecurring, true);
assert.deepEqual(added.duration, { amount: 30, unit: "minute" });
const once = await api.addTask({ content: "once", labels: [] });
assert.equal((await api.getTask(added.id)).content, "of the SDK");
assert.equal((await api.updateTask(added.id, { content: "of the SDK, later" })).content, "of the SDK, later");

const page = await api.getTasks({ limit: 2 });
assert.equal(page.results.length, 2);
const rest = await api.getTasks({ limit: 2, cursor: page.nextCursor });
assert.equal(rest.results.length, 1);

let changed = await api.sync({ syncToken: all.syncToken, resourceTypes: ["items"] });
assert.equal(changed.fullSync, false);
assert.deepEqual(changed.items.map((item) => item.id).sort(), [added.id, once.id].sort());

assert.equal(await api.closeTask(once.id), true);
changed = await api.sync({ syncToken: changed.syncToken, resourceTypes: ["items"] });
assert.deepEqual(changed.items.map((item) => [item.id, item.checked]), [[once.id, true]]);
assert.ok(!(await api.getTasks()).results.some((task) => task.id === once.id));

assert.equal(await api.reopenTask(once.id), true);
changed = await api.sync({ syncToken: changed.syncToken, resourceTypes: ["items"] });
assert.deepEqual(changed.items.map((item) => [item.id, item.checked]), [[once.id, false]]);

assert.equal(await api.deleteTask(once.id), true);
changed = await api.sync({ syncToken: changed.syncToken, resourceTypes: ["items"] });
assert.deepEqual(changed.items.map((item) => [item.id, item.isDeleted]), [[once.id, true]]);

await assert.rejects(api.getTask("nothing"), (error) => error.httpStatusCode === 404);
await assert.rejects(
  new sdk.TodoistApi("wrong", at).getUser(),
  (error) => error.httpStatusCode === 401,
);
console.log("all is well");
