#!/usr/bin/env python3
"""Many idle connectors on one running worker: memory, CPU while idle, and how long the REST API takes.

  benches/many/run.py --rest 127.0.0.1:8083 --pid PID --config '{"connector.class": "DatagenSource",
      "kafka.topic": "idle", "quickstart": "users", "max.interval": "3600000", "tasks.max": "2"}'

The same against Java's worker with `{"connector.class": "idle.IdleSource", "tasks.max": "2"}`, whose source is
`idle/IdleSource.java` here: compile it against Java's jars and name the directory of its jar in `plugin.path`.

It creates the connectors one after the other, waits until all tasks run, waits a minute, and prints a JSON object.
"""
import argparse, http.client, json, os, statistics, time

TICK = os.sysconf("SC_CLK_TCK")


def call(address, method, path, body=None):
    connection = http.client.HTTPConnection(*address.split(":"), timeout=90)
    headers = {"Content-Type": "application/json"} if body is not None else {}
    began = time.monotonic()
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, data, time.monotonic() - began


def facts(pid):
    """Resident kilobytes, threads and CPU seconds of a process."""
    with open(f"/proc/{pid}/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return int(status["VmRSS"].split()[0]), int(status["Threads"]), (int(fields[11]) + int(fields[12])) / TICK


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rest", required=True)
    parser.add_argument("--pid", type=int, required=True)
    parser.add_argument("--config", type=json.loads, required=True)
    parser.add_argument("--connectors", type=int, default=500)
    parser.add_argument("--idle", type=float, default=60)
    parser.add_argument("--calls", type=int, default=20)
    options = parser.parse_args()
    before = facts(options.pid)
    tasks = options.connectors * int(options.config.get("tasks.max", "1"))
    began = time.monotonic()
    for number in range(options.connectors):
        while True:
            status, data, _ = call(options.rest, "PUT", f"/connectors/many-{number:04}/config", options.config)
            if status != 409:
                break
            time.sleep(0.5)
        assert status in (200, 201), (status, data)
    created = time.monotonic() - began
    expanded = "/connectors?expand=status&expand=info"
    while True:
        known = json.loads(call(options.rest, "GET", expanded)[1])
        running = sum(task["state"] == "RUNNING" for one in known.values() for task in one["status"]["tasks"])
        if running >= tasks or time.monotonic() - began > 600:
            break
        time.sleep(1)
    up = time.monotonic() - began
    time.sleep(options.idle / 2)
    cpu, at = facts(options.pid)[2], time.monotonic()
    time.sleep(options.idle)
    rss, threads, cpu_after = facts(options.pid)
    share = (cpu_after - cpu) / (time.monotonic() - at)
    times, size = [], 0
    for _ in range(options.calls):
        status, data, took = call(options.rest, "GET", expanded)
        times.append(took * 1000)
        size = len(data)
    scrapes = [call(options.rest, "GET", "/metrics")[2] * 1000 for _ in range(3)]
    print(json.dumps({
        "connectors": options.connectors,
        "tasks running": running,
        "seconds to create": round(created, 1),
        "seconds until all run": round(up, 1),
        "MB before": round(before[0] / 1024),
        "MB": round(rss / 1024),
        "threads": threads,
        "CPU % of a core, idle": round(share * 100, 1),
        "expand ms, median": round(statistics.median(times), 1),
        "expand ms, slowest": round(max(times), 1),
        "expand bytes": size,
        "/metrics ms": round(statistics.median(scrapes), 1),
    }, indent=1))


main()
