// What somebody may ask of a site file and doesn't get, each refused by its name with the reason.

interface RefusedName {
  readonly pattern: RegExp;
  readonly what: string;
  readonly use: string;
}

const REFUSED: readonly RefusedName[] = [
  {
    pattern: /^(rail|railway|railroad|train|tram|trackclear)/i,
    what: "rail preemption, which needs a supervised interconnect and track clearance",
    use: "a preempt for fire, ambulance or police only",
  },
  {
    pattern: /^(rilsa|vlsa|traffic-signs-manual|redandyellow|redyellow|redamber|startyellow)/i,
    what: "of another rule set (RiLSA and its like); the timing rules here are MUTCD and NEMA",
    use: "a yellow change and a red clearance per phase",
  },
  {
    pattern: /^(intergreens?|intergreenmatrix|clearancematrix|zwischenzeit)/i,
    what: "an intergreen per pair (RiLSA); the timing rules here are MUTCD and NEMA",
    use: "a yellow change and a red clearance per phase",
  },
  {
    pattern: /^(rule-?sets?|rules|standard)$/i,
    what: "a choice of rule set; the timing rules here are always MUTCD and NEMA",
    use: "no such key",
  },
  {
    pattern: /^(overlaps?|flashingyellowarrow)$/i,
    what: "not part of this version",
    use: "phases with their own actuated timing",
  },
  {
    pattern: /^(floating-?force-?offs?|force-?offs?)$/i,
    what: "a choice of force-offs, which are always fixed points of the cycle here",
    use: "splits",
  },
  {
    pattern: /^(priority|tsp)$/i,
    what: "no part of a site file: priority is asked for while the junction runs",
    use: "no such key",
  },
  {
    pattern: /^(mingap|timebeforereduction|timetoreduce|gapreduction)$/i,
    what: "gap reduction, which is not part of this version",
    use: "passage",
  },
];

/** Why a key or its value is refused by name, or undefined when it is only unknown. */
export function refusedName(key: string, value: unknown): RefusedName | undefined {
  const words = typeof value === "string" ? [key, value] : [key];
  return REFUSED.find(({ pattern }) => words.some((word) => pattern.test(word)));
}
