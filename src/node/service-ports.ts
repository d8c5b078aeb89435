// Which ports the service thread opens.
import type { SiteModel } from "../core/site/model.ts";
import type { ServiceData } from "./messages.ts";

/** A site with the ports that are to be opened: its own, those kept from before, or free ones. */
export function withPorts(site: SiteModel, { freePorts, kept }: ServiceData): SiteModel {
  const keeps = kept?.mqtt.length === site.broker.listeners.length;
  const chosen = (port: number, before: number | null | undefined): number =>
    freePorts || port === 0 ? (before ?? 0) : port;
  const listeners = site.broker.listeners.map((listener, at) => ({
    ...listener,
    port: chosen(listener.port, keeps ? kept.mqtt[at] : null),
  }));
  const page = { ...site.console, port: chosen(site.console.port, kept?.console) };
  return { ...site, broker: { ...site.broker, listeners }, console: page };
}
