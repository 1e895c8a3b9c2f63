// The second judge: translates a CQL library with HL7's own translator, runs it, and lists every completion of unknowns.
import { SystemModelInfoProvider } from "@cqframework/cql/cql";
import { CqlTranslator, LibraryManager, ModelManager } from "@cqframework/cql/cql-to-elm";
import cql from "cql-execution";
import { readFileSync } from "node:fs";

const task = JSON.parse(readFileSync(0, "utf-8"));
const models = new ModelManager();
// Without the model of CQL's own types every expression is null, and nothing says so.
models.modelInfoLoader.registerModelInfoProvider(new SystemModelInfoProvider());
const elm = JSON.parse(CqlTranslator.fromText(task.library, new LibraryManager(models)).toJson());
const faults = (elm.library.annotation ?? []).filter((each) => each.errorSeverity === "error");
if (faults.length > 0) {
  console.error(JSON.stringify(faults.slice(0, 3)));
  process.exit(1);
}
const library = new cql.Library(elm, new cql.Repository({}));
const codes = new cql.CodeService({});

const dates = new Set(task.dates);

async function say(name, given) {
  const facts = {};
  for (const [fact, value] of Object.entries(given)) {
    facts[fact] = value !== null && dates.has(fact) ? cql.Date.parse(value) : value;
  }
  const context = new cql.UnfilteredContext(library, new cql.Results(), codes, facts);
  return library.expressions[name].execute(context);
}

// What an expression comes to under every completion of its unknown facts: one value, or the facts that change it.
async function judge(name, asked, facts) {
  const open = asked.filter((fact) => facts[fact] === null && fact in task.spaces);
  let choices = [[]];
  for (const fact of open) {
    choices = choices.flatMap((some) => task.spaces[fact].map((_, index) => [...some, index]));
  }
  const outcomes = [];
  for (const choice of choices) {
    const filled = { ...facts };
    open.forEach((fact, at) => (filled[fact] = task.spaces[fact][choice[at]]));
    outcomes.push(JSON.stringify(await say(name, filled)));
  }
  if (new Set(outcomes).size === 1) return { value: JSON.parse(outcomes[0]), missing: [] };
  const missing = open.filter((_, at) => {
    const groups = new Map();
    choices.forEach((choice, number) => {
      const key = choice.filter((__, other) => other !== at).join(",");
      groups.set(key, (groups.get(key) ?? new Set()).add(outcomes[number]));
    });
    return [...groups.values()].some((group) => group.size > 1);
  });
  return { value: null, missing };
}

const seen = new Map();
async function once(kind, name, asked, facts) {
  const key = name + JSON.stringify(asked.map((fact) => facts[fact]));
  if (!seen.has(key)) {
    seen.set(key, kind === "plain" ? { value: await say(name, facts), missing: [] } : await judge(name, asked, facts));
  }
  return seen.get(key);
}

const answers = [];
for (const facts of task.cases) {
  const answer = {};
  for (const { name, kind, asked } of task.expressions) answer[name] = await once(kind, name, asked, facts);
  answers.push(answer);
}
console.log(JSON.stringify(answers));
