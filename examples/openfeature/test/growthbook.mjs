// Lets GrowthBook's SDK assign units, as the service says the experiment is: node test/growthbook.mjs FILE, a JSON of
// [{ "experiment": …, "units": ["…"] }]. Writes [["variant" or null, …], …].
import { readFileSync } from "node:fs";
import { GrowthBook } from "@growthbook/growthbook";

const assigned = JSON.parse(readFileSync(process.argv[2], "utf8")).map(({ experiment, units }) =>
  units.map((id) => {
    const result = new GrowthBook({ attributes: { id } }).run(experiment);
    return result.inExperiment ? result.value : null;
  }),
);
process.stdout.write(JSON.stringify(assigned));
