// aws4fetch as a place for copies: objects of an S3-compatible bucket. The one file that imports
// it, and it is imported only where a bucket is configured.
import { AwsClient } from "aws4fetch";

export interface BucketAccess {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** `us-east-1` where the store does not care. */
  readonly region: string;
}

/** Puts objects under an address such as `https://host/bucket/prefix`. */
export class Bucket {
  readonly #client: AwsClient;
  readonly #address: string;

  constructor(address: string, access: BucketAccess) {
    this.#address = address.replace(/\/+$/, "");
    // Whoever calls repeats, with its own patience.
    this.#client = new AwsClient({ ...access, service: "s3", retries: 0 });
  }

  /** Stores an object, whole or not at all; throws with what the store said. */
  async put(path: string, bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const response = await this.#client.fetch(`${this.#address}/${path}`, {
      method: "PUT",
      body: new Uint8Array(bytes),
      headers: { "content-type": "application/octet-stream" },
      signal,
    });
    const text = await response.text();
    if (response.ok) return;
    const said = /<Code>([^<]{1,64})<\/Code>/.exec(text)?.[1] ?? response.statusText;
    throw new Error(`the bucket answered ${response.status} ${said}`);
  }
}
