/**
 * One socket for several tabs. Each has a port, which is to it what a socket of its own would be: it is welcomed, joins,
 * asks and is answered, under its own ids and operation ids. Over the socket goes what they all ask, each channel joined
 * once. What comes over it is passed on, to those whom it concerns, in its order; all of a message as one.
 */

import type { Welcome } from './api.js';
import {
  type CallData,
  type ControlData,
  type ErrorFrame,
  type JoinedFrame,
  parseMessage,
  type ServerFrame,
  type WelcomeFrame,
} from './frames.js';
import { type Asker, Held } from './held.js';
import type { Socket } from './link.js';

export interface TrunkEvents {
  /** Something for these ports. */
  readonly down: (ports: readonly string[], text: string) => void;
  /** The socket is gone, and with it these ports; `before` is how it was. */
  readonly closed: (
    ports: readonly string[],
    code: number,
    reason: string,
    before: Exclude<Trunk['state'], 'closed'>,
  ) => void;
}

/** Hands a frame to ports. */
type Tell = (ports: Iterable<string>, frame: object) => void;
type Frame = { readonly type: string; readonly id?: number; readonly [more: string]: unknown };
/** Who has sent a request under which id; or who waits for the hub to be as far as it has seen, to join a channel. */
type Request =
  | { readonly port: string; readonly id: number | undefined }
  | (Asker & { readonly channel: string });

/** A frame that says how much time is left of something, and when it came. */
interface Timed<T> {
  readonly frame: T;
  readonly at: number;
}

const openTime = 10_000;
/** Shorter than what a port waits for its pong: then all of them learn that the socket is dead, not one by one. */
const pongTime = 9_000;
const keepByDefault = 1_000;
const keptEnded = 100;
/** How many signals of late may still be refused. */
const keptSignals = 100;
const noConnection = 1006;
const silence = 'the hub does not answer';

export class Trunk {
  /** `leaving`: its node goes away, and who comes now is for the next one. */
  state: 'opening' | 'open' | 'leaving' | 'closed' = 'opening';
  #socket: Socket;
  #events: TrunkEvents;
  #ports = new Set<string>();
  #channels = new Map<string, Held>();
  #requests = new Map<number, Request>();
  #signals: number[] = []; // the ids of those that were sent last
  #ids = 0;
  #watch: ReturnType<typeof setTimeout> | undefined;
  // What the hub has said to everybody; a port that comes later is told the newest.
  #welcome: WelcomeFrame | undefined;
  #presence: WelcomeFrame['presence'] = [];
  #control: Timed<ControlData> | undefined;
  #calls = new Map<string, Timed<CallData>>();
  #idle: Timed<Frame> | undefined;
  #log: Frame | undefined; // that it is stale

  constructor(open: () => Socket, events: TrunkEvents) {
    this.#events = events;
    this.#socket = open();
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason);
    this.#socket.onerror = () => {
      if (this.state === 'opening') this.#end(noConnection, 'no connection');
    };
    this.#expect(openTime);
  }

  has(port: string): boolean {
    return this.#ports.has(port);
  }

  /** A tab comes: it is welcomed as soon as the hub has welcomed the first. */
  attach(port: string): void {
    if (this.#ports.has(port)) return;
    this.#ports.add(port);
    if (this.state !== 'opening') this.#events.down([port], JSON.stringify(this.#greeting()));
  }

  /** A tab goes; with the last one goes the socket. */
  detach(port: string): void {
    if (!this.#ports.delete(port)) return;
    const left = [...this.#channels.keys()].flatMap((channel) => this.#leave(port, channel));
    for (const [id, request] of this.#requests) if (request.port === port) this.#requests.delete(id);
    if (this.#ports.size === 0) this.#end(1000, '');
    else this.#send(left);
  }

  /** A tab says something. */
  up(port: string, text: string): void {
    const frames = parseMessage(text) as unknown as readonly Frame[];
    const answers: object[] = [];
    this.#send(frames.flatMap((frame) => this.#ask(port, frame, answers)));
    if (answers.length > 0) this.#events.down([port], JSON.stringify(answers));
  }

  close(): void {
    this.#end(noConnection, 'another tab has the connection now');
  }

  /** What goes to the hub of a request; `answers` are those that are known here. */
  #ask(port: string, frame: Frame, answers: object[]): object[] {
    const { type, id = 0, channel } = frame;
    if (type === 'join') {
      const { last = Infinity, cursor = '' } = frame as { last?: number; cursor?: string };
      const back: object[] = [];
      this.#join(
        channel as string,
        { port, id, last, seen: cursor },
        (_, answer) => answers.push(answer),
        back,
      );
      return back;
    }
    if (type === 'leave') {
      answers.push({ type: 'left', id });
      return this.#leave(port, channel as string);
    }
    if (type === 'ping') this.#expect(pongTime);
    if (type === 'send') this.#signal(port, channel as string, frame.data);
    return [{ ...frame, id: this.#number({ port, id: frame.id }) }];
  }

  #number(request: Request): number {
    this.#requests.set(++this.#ids, request);
    return this.#ids;
  }

  /** A port joins: it is answered from what is known if that will do, else the hub is asked. */
  #join(channel: string, asker: Asker, tell: Tell, back: object[]): void {
    const held = this.#channels.get(channel);
    if (held?.state === 'asked') held.askers.push(asker);
    else if (held && asker.last <= held.last && (asker.seen === '' || asker.seen === held.seen)) {
      this.#show(channel, held, asker, tell);
    } else if (held && asker.last <= held.last) {
      // What is known here may be older than what the port has seen elsewhere: the hub says when it is not.
      back.push({ type: 'ping', id: this.#number({ ...asker, channel }), seen: asker.seen });
    } else {
      const next = held ?? new Held(asker.last);
      this.#channels.set(channel, next);
      next.askers.push(asker);
      if (held) back.push({ type: 'leave', id: ++this.#ids, channel }); // to get more of its messages
      next.state = 'asked';
      next.id = ++this.#ids;
      next.last = asker.last;
      next.seen = asker.seen;
      back.push({
        type: 'join',
        id: next.id,
        channel,
        ...(next.last < Infinity && { last: next.last }),
        ...(next.seen && { seen: next.seen }),
      });
    }
  }

  #show(channel: string, held: Held, asker: Asker, tell: Tell): void {
    held.readers.add(asker.port);
    tell([asker.port], held.snapshot(channel, asker));
  }

  #leave(port: string, channel: string): object[] {
    for (const [id, request] of this.#requests) {
      if (request.port === port && 'channel' in request && request.channel === channel)
        this.#requests.delete(id);
    }
    const held = this.#channels.get(channel);
    if (!held) return [];
    held.readers.delete(port);
    held.askers = held.askers.filter((asker) => asker.port !== port);
    if (held.readers.size + held.askers.length > 0) return [];
    this.#channels.delete(channel);
    return [{ type: 'leave', id: ++this.#ids, channel }];
  }

  /** The hub does not send a signal back to where it came from, but the other tabs are to see it. */
  #signal(port: string, channel: string, data: unknown): void {
    this.#signals.push(this.#ids + 1);
    for (const old of this.#signals.splice(0, this.#signals.length - keptSignals)) this.#requests.delete(old);
    const readers = [...(this.#channels.get(channel)?.readers ?? [])].filter((reader) => reader !== port);
    if (readers.length === 0 || data === undefined) return;
    const frame = { type: 'signal', channel, from: port, by: this.#welcome?.you.user, data };
    this.#events.down(readers, JSON.stringify([frame]));
  }

  #receive(text: unknown): void {
    const frames = parseMessage(text);
    if (frames.length === 0 || this.state === 'closed') return;
    clearTimeout(this.#watch);
    this.#watch = undefined;
    const parcels = new Map<string, object[]>();
    const back: object[] = [];
    const tell = (ports: Iterable<string>, frame: object) => {
      for (const port of ports) {
        const parcel = parcels.get(port);
        if (parcel) parcel.push(frame);
        else parcels.set(port, [frame]);
      }
    };
    for (const frame of frames) this.#take(frame, tell, back);
    const messages = new Map<string, string[]>();
    for (const [port, parcel] of parcels) {
      const message = JSON.stringify(parcel);
      messages.set(message, [...(messages.get(message) ?? []), port]);
    }
    for (const [message, ports] of messages) this.#events.down(ports, message);
    this.#send(back);
  }

  /** Notes a frame, tells it to those whom it concerns; `back` is what goes to the hub after it. */
  #take(frame: ServerFrame, tell: Tell, back: object[]): void {
    const at = performance.now();
    switch (frame.type) {
      case 'welcome':
        this.#welcomed(frame, at);
        break;
      case 'joined':
        this.#joined(frame, tell, back);
        return;
      case 'change':
      case 'message':
      case 'signal': {
        const held = this.#channels.get(frame.channel);
        if (!held) return;
        if (frame.type === 'change') held.change(frame);
        if (frame.type === 'message')
          held.message(frame, this.#welcome?.channels[frame.channel]?.keep ?? keepByDefault);
        tell(held.readers, frame);
        return;
      }
      case 'call':
        this.#call(frame, at);
        break;
      case 'control':
        this.#control = { frame, at };
        break;
      case 'presence':
        this.#presence = frame.members;
        break;
      case 'idle':
        this.#idle = { frame, at };
        break;
      case 'stale':
      case 'fresh':
        this.#log = frame;
        break;
      case 'leaving':
        this.state = 'leaving';
        break;
      default:
        if ('id' in frame && frame.id !== undefined) {
          this.#answer(frame as Frame, tell, back);
          return;
        }
    }
    tell(this.#ports, frame);
  }

  #answer(frame: Frame, tell: Tell, back: object[]): void {
    const { id = 0 } = frame;
    for (const [channel, held] of this.#channels) {
      if (held.state === 'asked' && held.id === id)
        this.#refused(channel, held, frame as unknown as ErrorFrame, tell);
    }
    const request = this.#requests.get(id);
    if (!request) return;
    this.#requests.delete(id);
    if ('channel' in request && frame.type === 'pong')
      this.#join(request.channel, { ...request, seen: '' }, tell, back);
    else tell([request.port], { ...frame, id: request.id });
  }

  /** A join was refused, to all who wait for it. */
  #refused(channel: string, held: Held, frame: ErrorFrame, tell: Tell): void {
    for (const { port, id } of held.askers) tell([port], { ...frame, id });
    this.#channels.delete(channel);
    // Those who had it before it was joined again come back for it.
    if (held.readers.size > 0) queueMicrotask(() => this.#end(noConnection, frame.detail));
  }

  #joined(frame: JoinedFrame, tell: Tell, back: object[]): void {
    const { channel, id, reason } = frame;
    const held = this.#channels.get(channel);
    if (!held) return;
    if (id === undefined) {
      held.joined(frame);
      tell(held.readers, frame);
      return;
    }
    if (held.state !== 'asked' || id !== held.id) return;
    held.joined(frame);
    tell(held.readers, held.again(channel));
    const withReason: Tell = (ports, answer) => tell(ports, { ...answer, ...(reason && { reason }) });
    for (const asker of held.askers.splice(0)) {
      this.#join(channel, asker, asker.seen === '' ? withReason : tell, back);
    }
  }

  #welcomed(frame: WelcomeFrame, at: number): void {
    if (this.state === 'opening') this.state = 'open';
    this.#welcome = frame;
    this.#presence = frame.presence;
    this.#control = { frame: frame.control, at };
    this.#calls.clear();
    for (const call of frame.calls) this.#calls.set(call.call, { frame: call, at });
    this.#log = undefined;
    // It can come again, when rules or rights have changed: then nothing is joined any more.
    for (const [channel, held] of this.#channels) if (held.state === 'in') this.#channels.delete(channel);
  }

  #call({ type: _, cursor: __, ...frame }: CallData & { type: 'call'; cursor?: string }, at: number): void {
    this.#calls.delete(frame.call);
    this.#calls.set(frame.call, { frame, at });
    const ended = [...this.#calls.values()].filter(
      (c) => c.frame.state !== 'waiting' && c.frame.state !== 'taken',
    );
    for (const { frame: old } of ended.slice(0, -keptEnded)) this.#calls.delete(old.call);
  }

  /** What a port is told first: everything as it is by now. */
  #greeting(): object[] {
    const now = performance.now();
    const left = (ms: number, at: number) => Math.max(1, ms - (now - at));
    const welcome = this.#welcome as WelcomeFrame & Welcome;
    const { frame: seat, at } = this.#control ?? { frame: welcome.control, at: now };
    const { type: _, ...control } = seat as ControlData & { type?: string };
    const calls = [...this.#calls.values()].map(({ frame, at: told }) =>
      frame.deadline_ms === undefined ? frame : { ...frame, deadline_ms: left(frame.deadline_ms, told) },
    );
    const lost = control.lost && { remaining_ms: left(control.lost.remaining_ms, at) };
    const idle = this.#idle?.frame as { remaining_ms?: number } | undefined;
    return [
      { ...welcome, control: { ...control, lost }, presence: this.#presence, calls },
      ...(this.#log?.type === 'stale' ? [this.#log] : []),
      ...(idle?.remaining_ms
        ? [{ ...idle, remaining_ms: left(idle.remaining_ms, this.#idle?.at ?? now) }]
        : []),
    ];
  }

  #send(frames: readonly object[]): void {
    if (frames.length > 0 && this.state !== 'opening' && this.state !== 'closed')
      this.#socket.send(JSON.stringify(frames));
  }

  /** Gives the socket up if nothing is heard for so long. */
  #expect(ms: number): void {
    this.#watch ??= setTimeout(() => this.#end(noConnection, silence), ms);
  }

  #end(code: number, reason: string): void {
    const before = this.state;
    if (before === 'closed') return;
    this.state = 'closed';
    clearTimeout(this.#watch);
    this.#socket.close();
    const ports = [...this.#ports];
    this.#ports.clear();
    this.#events.closed(ports, code, reason, before);
  }
}
