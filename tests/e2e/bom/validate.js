// Whether each file is a CycloneDX 1.5 bill of materials by the published schema, its formats
// included, and refers to nothing that it doesn't have:
//
//   node validate.js MODULES FILE...
//
// MODULES is the folder where tools/setup put the validator. Prints what is wrong; exit code 0 or 1.
"use strict";
const fs = require("fs");
const [modules, ...files] = process.argv.slice(2);
const from = require("module").createRequire(fs.realpathSync(modules) + "/");
const { Spec, Validation } = from("@cyclonedx/cyclonedx-library");

const unknownReferences = (bill) => {
    const known = new Set([bill.metadata.component, ...bill.components].map((c) => c["bom-ref"]));
    return bill.dependencies.flatMap((d) => [d.ref, ...(d.dependsOn ?? [])])
        .filter((ref) => !known.has(ref));
};

const main = async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot5);
    let wrong = files.length === 0 ? ["no file"] : [];
    for (const file of files) {
        const text = fs.readFileSync(file, "utf8");
        const found = await validator.validate(text);
        if (found !== null)
            wrong.push(`${file}: ${JSON.stringify(found)}`);
        else
            wrong.push(...unknownReferences(JSON.parse(text)).map((ref) => `${file}: no ${ref}`));
    }
    wrong.forEach((line) => console.log(line));
    process.exitCode = wrong.length === 0 ? 0 : 1;
};

main().catch((error) => {
    console.log(error);
    process.exitCode = 1;
});
