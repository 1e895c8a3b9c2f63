// Translates the CQL of each Bundle on standard input, its Library with every condition of its PlanDefinition behind it,
// with HL7's own translator; prints the faults.
import { SystemModelInfoProvider } from "@cqframework/cql/cql";
import { CqlTranslator, LibraryManager, ModelManager } from "@cqframework/cql/cql-to-elm";
import { readFileSync } from "node:fs";

const faults = [];
for (const { library, conditions } of JSON.parse(readFileSync(0, "utf-8"))) {
  const models = new ModelManager();
  // Without the model of CQL's own types every expression is null, and nothing says so.
  models.modelInfoLoader.registerModelInfoProvider(new SystemModelInfoProvider());
  const text = library + conditions.map((each, number) => `define "action ${number}": ${each}\n`).join("");
  const elm = JSON.parse(CqlTranslator.fromText(text, new LibraryManager(models)).toJson()).library;
  faults.push(...(elm.annotation ?? []).filter((each) => each.errorSeverity === "error").map((each) => each.message));
  const made = elm.statements.def.filter((each) => each.name.startsWith("action ") && each.expression?.type !== "Null");
  if (made.length !== conditions.length) faults.push(`${conditions.length - made.length} conditions came to nothing`);
}
console.log(JSON.stringify(faults));
