// A vehicle's report and a zone's notice: round trips, and everything else refused by name.
import fc from "fast-check";
import t from "tap";
import { encodeCbor, WireError } from "../../src/wire/codec.ts";
import {
  decodeVehicleReport,
  decodeZoneNotice,
  encodeVehicleReport,
  encodeZoneNotice,
  type VehicleReport,
} from "../../src/wire/vehicle.ts";

const REPORT: VehicleReport = {
  sequence: 7,
  atWallMs: 1_790_000_000_000,
  latDeg: 50.0755,
  lonDeg: 14.4378,
  speedMps: 12.5,
  headingDeg: 180,
};

t.test("what goes in comes out", async (t) => {
  t.same(decodeVehicleReport(encodeVehicleReport(REPORT)), REPORT);
  const standing = { ...REPORT, speedMps: 0, headingDeg: null };
  t.same(decodeVehicleReport(encodeVehicleReport(standing)), standing);
  for (const kind of ["zone-left", "zone-entered"] as const) {
    const notice = { kind, zone: "old-town", atWallMs: 1_790_000_000_000 };
    t.same(decodeZoneNotice(encodeZoneNotice(notice)), notice);
  }
});

t.test("a wrong field is refused by its name", async (t) => {
  const wrong: [Partial<VehicleReport>, RegExp][] = [
    [{ latDeg: 91 }, /lat/],
    [{ lonDeg: Number.NaN }, /lon/],
    [{ speedMps: 101 }, /speed/],
    [{ headingDeg: -1 }, /heading/],
    [{ sequence: -1 }, /sequence/],
  ];
  for (const [change, words] of wrong) {
    const bytes = encodeVehicleReport({ ...REPORT, ...change });
    t.throws(() => decodeVehicleReport(bytes), { name: "WireError", message: words });
  }
  t.throws(() => decodeVehicleReport(encodeCbor([2, 1, 1, 1, 1, 1, 1])), /version 2/);
  t.throws(() => decodeZoneNotice(encodeCbor([1, 2, "a", 1])), /kind/);
});

t.test("strangers' bytes never do more than be refused", async (t) => {
  let refused = 0;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const decode of [decodeVehicleReport, decodeZoneNotice]) {
        try {
          decode(bytes);
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
          refused += 1;
        }
      }
    }),
  );
  t.ok(refused > 0);
});
