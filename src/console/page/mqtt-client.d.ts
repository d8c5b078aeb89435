// The part of mqtt.js that the page uses. `mqtt-client.js` is made by the server from the package's
// own browser build.

export interface MqttOptions {
  readonly clientId: string;
  readonly protocolVersion: 4;
  readonly clean: boolean;
  readonly keepalive: number;
  readonly reconnectPeriod: number;
  readonly connectTimeout: number;
  readonly timerVariant: "native";
  readonly username?: string;
  readonly password?: string;
}

export interface MqttClient {
  on(event: "connect" | "close" | "offline", listener: () => void): this;
  on(event: "error", listener: (error: Error & { code?: number }) => void): this;
  on(event: "message", listener: (topic: string, payload: Uint8Array) => void): this;
  subscribe(filters: readonly string[], options: { readonly qos: 0 | 1 }): this;
  publish(topic: string, payload: string, options: { readonly qos: 0 | 1 }): this;
  end(force: boolean): this;
}

export const mqtt: { connect(url: string, options: MqttOptions): MqttClient };
