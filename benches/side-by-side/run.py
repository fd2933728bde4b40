#!/usr/bin/env python3
"""Java's Kafka Connect and our worker on the same files, run by run in turns, and a table of both.

  cargo xtask bench side-by-side --bootstrap-servers 127.0.0.1:9092
  cargo xtask bench side-by-side --cells b,f --scale 0.1 --runs 1            a short look
  cargo xtask bench side-by-side --size 1000 --scale 0.5                     records of 1 KB
  cargo xtask bench side-by-side --compression lz4; ... --tasks 2            compressed; two tasks, two partitions
  cargo xtask bench side-by-side --idle 500 --cells e,f --java-modes ""      beside 500 connectors with nothing to do
  cargo xtask bench side-by-side --cells d --set tasks.conversion.parallelism=2     another setting of our worker

The verb builds our worker, fetches Java's and calls this program. What is measured is what others see: the broker's
append times, the bytes in the output file, or the log of the counting sink; CPU and memory come from /proc. The window
is from 40 % to 95 % of the records, so that starts and ends do not count. Each line has as many records as make a
window of about five seconds for the faster worker; `--scale` multiplies them.

Both workers run tuned; `default` and `native` are other modes (`--java-modes`, `--ours-modes`), and of several the best
one of Java counts. A/A is ours once more in the first run: it says how far two equal runs are apart.
"""
import argparse, datetime, glob, http.client, json, os, platform, re, statistics, subprocess, sys, threading, time

HERE = os.path.dirname(os.path.abspath(__file__))
LO, HI = 0.40, 0.95
TICK = os.sysconf("SC_CLK_TCK")
# As Kafka's own start script sets them.
JVM = ["-Xms256M", "-Xmx2G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
       "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true"]
P = "org.apache.kafka.connect."
BYTES, STRING, JSONC = (P + name for name in
                        ("converters.ByteArrayConverter", "storage.StringConverter", "json.JsonConverter"))
TUNED_SOURCE = {"producer.batch.size": "524288", "producer.linger.ms": "20", "producer.buffer.memory": "134217728",
                "producer.max.in.flight.requests.per.connection": "5"}
TUNED_SINK = {"consumer.max.poll.records": "10000", "consumer.max.partition.fetch.bytes": "8388608",
              "consumer.fetch.min.bytes": "262144", "consumer.receive.buffer.bytes": "1048576"}
# Java is faster with its defaults there.
SLOWER_TUNED = ("c", "d")
NATIVE = {"producer.client": "native", "consumer.client": "native"}
# Our worker's own tuning: its producer fills batches of 512 KB without waiting, its consumer reads ahead by bytes.
OURS_SOURCE, OURS_SINK = dict(NATIVE), {**NATIVE, "consumer.max.poll.records": "2000"}
# Records that make a window of about five seconds, in millions.
MILLIONS = {"a": 20, "b": 32, "c": 13, "d": 9, "e": 30, "e'": 10, "f": 46, "f'": 18, "f''": 14, "g": 34, "h": 0}
THREE = {"transforms": "i,r,m",
         "transforms.i.type": P + "transforms.InsertField$Value",
         "transforms.i.static.field": "origin", "transforms.i.static.value": "bench",
         "transforms.r.type": P + "transforms.ReplaceField$Value",
         "transforms.r.renames": "name:customer", "transforms.r.exclude": "active",
         "transforms.m.type": P + "transforms.MaskField$Value", "transforms.m.fields": "email"}


def converter(value, schemas=None):
    keys = {"key.converter": STRING, "value.converter": value}
    if schemas is not None:
        keys["value.converter.schemas.enable"] = schemas
    return keys


def cells(options):
    """Line -> (title, kind, connector, at least, aim): the last two are multiples of Java's rate."""
    text, doc = (topic_of(options, shape) for shape in ("text", "json"))
    generator = {"connector.class": "perf.PerfSource", "size": str(options.size)}
    file_sink = {"connector.class": P + "file.FileStreamSinkConnector"}
    counter = {"connector.class": "perf.PerfSink"}
    json_plain, json_schema = converter(JSONC, "false"), converter(JSONC, "true")
    return {
        "a": ("file → Kafka, String", "source",
              {"connector.class": P + "file.FileStreamSourceConnector", "file": "{input}", **converter(STRING)}, 1.5, 2),
        "b": ("Kafka → file, String", "filesink", {**file_sink, "topics": text, **converter(STRING)}, 2, 3),
        "c": ("Kafka → file, JSON", "filesink", {**file_sink, "topics": doc, **json_plain}, 2, 3),
        "d": ("Kafka → file, JSON + 3 transformations", "filesink",
              {**file_sink, "topics": doc, **json_plain, **THREE}, 2, 3),
        "e": ("generator → Kafka, bytes", "source", {**generator, **converter(BYTES)}, 2, 3),
        "e'": ("generator → Kafka, JSON with schema", "source", {**generator, "shape": "struct", **json_schema}, 1.5, 2),
        "f": ("Kafka → counter, bytes", "countsink", {**counter, "topics": text, **converter(BYTES)}, 1, 2),
        "f'": ("Kafka → counter, JSON", "countsink", {**counter, "topics": doc, **json_plain}, 1.3, 2),
        "f''": ("Kafka → counter, JSON + 3 transformations", "countsink",
                {**counter, "topics": doc, **json_plain, **THREE}, 1.5, 2),
        "g": ("exactly once, bytes", "eos", {**generator, **converter(BYTES)}, 1.5, 2.5),
        "h": ("start to first record; memory idle", "start", {}, None, None),
    }


def records_of(options, line):
    """How many records a line has: whole batches of every task."""
    if options.records:
        return options.records
    share = min(1, 200 / options.size) * options.scale
    return max(int(MILLIONS[line] * share * 10), 10) * 100_000


def topic_of(options, shape):
    return f"side-by-side-{shape}-{options.size}-{options.tasks}" + (f"-{options.compression}" if options.compression else "")


def classpath(options):
    # The file connectors come from plugin.path, as in a real installation.
    return [jar for jar in sorted(glob.glob(options.java_home + "/lib/*.jar")) if "/connect-file-" not in jar]


class Probe:
    """Asks the broker: one JVM for the whole session, a line for each question."""

    def __init__(self, options):
        classes = os.path.join(options.scratch, "plugin", "classes")
        jar = os.path.join(options.scratch, "plugin", "perf", "perf.jar")
        sources = sorted(glob.glob(HERE + "/plugin/*.java"))
        if not os.path.exists(jar) or any(os.path.getmtime(source) > os.path.getmtime(jar) for source in sources):
            os.makedirs(classes, exist_ok=True)
            os.makedirs(os.path.dirname(jar), exist_ok=True)
            subprocess.check_call(["javac", "-nowarn", "-cp", ":".join(classpath(options)), "-d", classes] + sources)
            subprocess.check_call(["jar", "cf", jar, "-C", classes, "perf"])
        command = ["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=ERROR",
                   "-cp", ":".join([classes] + classpath(options)), "perf.Probe", options.bootstrap_servers]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        assert self.answer() == "ready"

    def answer(self):
        while True:  # log lines may come in between
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("the probe died: is Kafka there?")
            if line.startswith("> "):
                return line[2:].strip()

    def __call__(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answer = self.answer()
        if answer.startswith("error"):
            raise RuntimeError(f"{words}: {answer}")
        return answer

    def close(self):
        self.process.stdin.write("quit\n")
        self.process.stdin.close()
        self.process.wait()


def write_properties(path, keys):
    with open(path, "w") as file:
        file.writelines(f"{key}={value}\n" for key, value in keys.items())
    return path


def usage(pid):
    """CPU seconds, resident and peak memory in MB."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    with open(f"/proc/{pid}/status") as file:
        status = file.read()
    memory = lambda key: int(re.search(key + r":\s+(\d+)", status).group(1)) / 1024
    return (int(fields[11]) + int(fields[12])) / TICK, memory("VmRSS"), memory("VmHWM")


class Worker:
    """A worker process, watched every 50 ms."""

    def __init__(self, options, who, mode, directory, keys, connectors=()):
        # The process is the worker itself, so that its CPU time and memory are read.
        base = {"bootstrap.servers": options.bootstrap_servers, "key.converter": STRING, "value.converter": STRING,
                "listeners": f"http://127.0.0.1:{options.rest_port}",
                "plugin.path": f"{options.java_home}/plugins,{options.scratch}/plugin/perf"}
        if mode == "standalone" and "offset.storage.topic" not in keys:
            base["offset.storage.file.filename"] = directory + "/offsets"
        worker = write_properties(directory + "/worker.properties", {**base, **keys})
        files = [write_properties(f"{directory}/{keys['name']}.properties", keys) for keys in connectors]
        if who == "java":
            with open(directory + "/log4j2.properties", "w") as file:
                file.write("rootLogger.level=INFO\nrootLogger.appenderRef.a.ref=C\nappender.c.type=Console\n"
                           "appender.c.name=C\nappender.c.layout.type=PatternLayout\n"
                           "appender.c.layout.pattern=[%d] %p %X{connector.context}%m (%c)%n%ex\n")
            main = P + "cli." + ("ConnectStandalone" if mode == "standalone" else "ConnectDistributed")
            command = ["java"] + JVM + ["-cp", ":".join(classpath(options)),
                                        "-Dlog4j2.configurationFile=" + directory + "/log4j2.properties", main, worker]
        else:
            command = [options.ours, mode, worker]
        self.log = directory + "/log"
        self.port = options.rest_port
        self.started = time.time()
        self.process = subprocess.Popen(command + files, stdout=open(self.log, "w"), stderr=subprocess.STDOUT,
                                        stdin=subprocess.DEVNULL)
        self.samples, self.progress, self.stop = [], None, False
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        while not self.stop:
            try:
                cpu, resident, peak = usage(self.process.pid)
            except (OSError, AttributeError, IndexError):
                break
            self.samples.append((time.time(), cpu, resident, peak, self.progress() if self.progress else 0))
            time.sleep(0.05)

    def cpu_at(self, instant):
        for before, after in zip(self.samples, self.samples[1:]):
            if before[0] <= instant <= after[0]:
                share = (instant - before[0]) / (after[0] - before[0])
                return before[1] + (after[1] - before[1]) * share
        return self.samples[-1][1]

    def check(self):
        if self.process.poll() is not None:
            with open(self.log) as file:
                raise RuntimeError("the worker ended: " + file.read()[-2000:])
        with open(self.log) as file:
            text = file.read()
        if re.search(r"FAILED|unrecoverable exception|task is being killed", text):
            raise RuntimeError("a task failed: " + text[-2000:])

    def rest(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        text = json.dumps(body) if body is not None else None
        connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def answers(self):
        """When the worker answers: by its REST API, or without one by the line of its log."""
        while True:
            self.check()
            try:
                if self.rest("GET", "/connectors")[0] == 200:
                    return time.time()
            except OSError:
                pass
            with open(self.log) as file:
                if "the worker is started" in file.read():
                    return time.time()
            time.sleep(0.01)

    def all_run(self, connectors):
        """Waits until the task of each of so many connectors is running."""
        end = time.time() + 300
        while True:
            self.answers()
            status, body = self.rest("GET", "/connectors?expand=status")
            tasks = [task["state"] for entry in json.loads(body).values() for task in entry["status"]["tasks"]]
            if tasks.count("RUNNING") == connectors:
                return
            if time.time() > end:
                raise RuntimeError(f"{tasks.count('RUNNING')} of {connectors} connectors run")
            time.sleep(0.5)

    def end(self):
        self.stop = True
        self.thread.join()
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def distributed(group):
    topics = {f"{kind}.storage.topic": f"{group}-{kind}" for kind in ("config", "offset", "status")}
    small = {f"{kind}.storage.replication.factor": 1 for kind in ("config", "offset", "status")}
    return {"group.id": group, **topics, **small, "offset.storage.partitions": 1, "status.storage.partitions": 1}


def run_directory(options, name):
    directory = os.path.join(options.scratch, "runs", name)
    os.makedirs(directory, exist_ok=True)
    return directory


def keys_of(who, mode, kind, line=""):
    sink = "sink" in kind
    if mode.startswith("native"):
        return dict(NATIVE)
    if not mode.startswith("tuned"):
        return {}
    if who == "ours":
        return dict(OURS_SINK if sink else OURS_SOURCE)
    if line in SLOWER_TUNED:
        return {}
    return dict(TUNED_SINK if sink else TUNED_SOURCE)


def measure(options, probe, line, cell, who, mode):
    _, kind, connector, _, _ = cell
    records = records_of(options, line)
    name = f"{line}-{who}-{mode}-{int(time.time() * 1000)}".replace("'", "x").replace(" ", "-")
    directory = run_directory(options, name)
    connector = {"name": name, "tasks.max": str(options.tasks), **connector}
    keys = keys_of(who, mode, kind, line)
    if who == "ours":
        keys.update(entry.split("=", 1) for entry in options.set)
    if options.compression:
        keys["producer.compression.type"] = options.compression
    out = directory + "/out"
    if kind in ("source", "eos"):
        connector["topic"] = name
        probe("create", name, options.tasks, "message.timestamp.type=LogAppendTime")
        if "file" in connector:
            connector["file"] = connector["file"].format(input=input_file(options))
        else:
            connector["records"] = str(records // options.tasks)
    else:
        connector["file"] = out
    idle = [{"name": f"idle-{number}", "connector.class": "perf.PerfSource", "topic": name + "-idle", "records": "0",
             "batch": "1", "tasks.max": "1", **converter(BYTES)} for number in range(options.idle)]
    if kind == "eos" and who == "java":
        keys.update({**distributed(name + "-grp"), "exactly.once.source.support": "enabled"})
        if mode == "tuned":
            connector.update({"transaction.boundary": "interval", "transaction.boundary.interval.ms": "1000"})
        worker = Worker(options, who, "distributed", directory, keys)
        try:
            worker.answers()
            status, body = worker.rest("PUT", f"/connectors/{name}/config", connector)
            assert status == 201, body
        except BaseException:
            worker.end()
            raise
    else:
        if kind == "eos":
            # Ours writes exactly once without a group of workers, too.
            keys.update({"exactly.once.source.id": name, "offset.storage.topic": name + "-offsets",
                         "offset.storage.replication.factor": 1, "offset.storage.partitions": 1})
            connector.update({"transaction.boundary": "interval", "transaction.boundary.interval.ms": "1000"})
        worker = Worker(options, who, "standalone", directory, keys, idle or [connector])
        if idle:
            # Their start is no part of what is measured.
            try:
                worker.all_run(len(idle))
                status, body = worker.rest("PUT", f"/connectors/{name}/config", connector)
                assert status == 201, body
            except BaseException:
                worker.end()
                raise
    try:
        watch = {"filesink": watch_file, "countsink": watch_counter}.get(kind, watch_topic)
        total, begin, finish, count = watch(options, probe, worker, out, name, records)
    finally:
        worker.end()
        if kind in ("source", "eos"):
            probe("delete", name)
        for left in glob.glob(out + "*"):
            os.remove(left)
    if not worker.samples[0][0] <= begin < finish <= worker.samples[-1][0]:
        raise RuntimeError(f"the window {begin}..{finish} is not within the measurement")
    cpu = worker.cpu_at(finish) - worker.cpu_at(begin)
    return {"line": line, "who": who, "mode": mode, "records": total, "window": round(finish - begin, 3),
            "rate": count / (finish - begin), "cpu": cpu / count * 1e6, "peak": worker.samples[-1][3]}


def patience(options, records):
    """How long a run may take: for a worker that hangs, and says nothing."""
    return time.time() + 60 + records / 20_000


def watch_file(options, probe, worker, out, name, records):
    worker.progress = lambda: os.path.getsize(out) if os.path.exists(out) else 0
    length, end = 0, patience(options, records)
    # All lines of a cell are of one length.
    while not length or worker.samples[-1][4] < records * HI * length:
        worker.check()
        if time.time() > end:
            raise RuntimeError(f"only {worker.progress()} bytes came in time")
        if not length and worker.progress():
            with open(out, "rb") as file:
                line = file.readline()
            length = len(line) if line.endswith(b"\n") else 0
        time.sleep(0.2)
    at = lambda share: next(sample for sample in worker.samples if sample[4] >= records * share * length)
    low, high = at(LO), at(HI)
    return int(high[4] / length), low[0], high[0], (high[4] - low[4]) / length


def watch_counter(options, probe, worker, out, name, records):
    """Each task has a log; what all have counted at a time is the sum of what each had by then."""
    end = patience(options, records)
    while True:
        lines = []
        for number, path in enumerate(sorted(glob.glob(out + "*"))):
            with open(path) as file:
                lines += [(int(line.split()[1]), number, int(line.split()[0])) for line in file if line.endswith("\n")]
        counted, counts = {}, []
        for millis, number, count in sorted(lines):
            counted[number] = count
            counts.append((sum(counted.values()), millis / 1000))
        if counts and counts[-1][0] >= records * HI:
            break
        worker.check()
        if time.time() > end:
            raise RuntimeError(f"only {counts[-1][0] if counts else 0} records came in time")
        time.sleep(0.3)
    at = lambda share: next(entry for entry in counts if entry[0] >= records * share)
    low, high = at(LO), at(HI)
    while worker.samples[-1][0] <= high[1]:
        time.sleep(0.05)
    return counts[-1][0], low[1], high[1], high[0] - low[0]


def watch_topic(options, probe, worker, out, name, records):
    expected = records
    if not name.startswith("a-"):  # the last batch of a generator is a whole one
        expected = records // options.tasks // 2000 * 2000 * options.tasks
    end = patience(options, records)
    while True:
        worker.check()
        time.sleep(0.3)
        ends = [int(offset) for offset in probe("end", name).split()]
        if sum(ends) >= expected * 0.99:
            break
        if time.time() > end:
            raise RuntimeError(f"only {sum(ends)} records came in time")
    # Partitions are written side by side: the window is where all of them are in theirs.
    stamps = []
    for partition, offset in enumerate(ends):
        low, high = int(offset * LO), int(offset * HI)
        begin, finish = (int(stamp) / 1000 for stamp in probe("ts", name, partition, low, high).split())
        stamps.append((begin, finish, (high - low) / (finish - begin)))
    begin, finish = max(stamp[0] for stamp in stamps), min(stamp[1] for stamp in stamps)
    return sum(ends), begin, finish, sum(stamp[2] for stamp in stamps) * (finish - begin)


def measure_start(options, probe, who, mode):
    name = f"start-{who}-{mode}-{int(time.time() * 1000)}"
    directory = run_directory(options, name)
    connector = {"name": name, "connector.class": "perf.PerfSource", "topic": name, "records": "1", "batch": "1",
                 "tasks.max": "1", **converter(BYTES)}
    probe("create", name, 1, "message.timestamp.type=LogAppendTime")
    worker = Worker(options, who, "standalone", directory, keys_of(who, mode, "source"), [connector])
    try:
        answers = worker.answers() - worker.started
        first = int(probe("ts", name, 0, 0).split()[0])
        assert first > 0, "no record came"
        time.sleep(6)
        resident = usage(worker.process.pid)[1]
    finally:
        worker.end()
        probe("delete", name)
    return {"line": "h", "who": who, "mode": mode, "answers": answers, "first": first / 1000 - worker.started,
            "idle": resident}


def input_file(options):
    return f"{options.scratch}/input-{options.size}.txt"


def prepare(options, probe, lines):
    """Topics and the input file have at least as many records as the longest line that is measured needs."""
    wanted = {"text": {"b", "f"}, "json": {"c", "d", "f'", "f''"}}
    for shape, needed in wanted.items():
        topic = topic_of(options, shape)
        records = max((records_of(options, line) for line in needed & lines), default=0)
        have = sum(int(offset) for offset in probe("end", topic).split())
        if have < records:
            if not have:
                probe("create", topic, options.tasks, "retention.ms=-1", "retention.bytes=-1")
            probe("fill", topic, options.tasks, have, records, shape, options.size, options.compression or "none")
    path = input_file(options)
    size = records_of(options, "a") * options.size
    if "a" in lines and (not os.path.exists(path) or os.path.getsize(path) < size):
        with open(path, "w") as file:
            for number in range(records_of(options, "a")):
                file.write(f"{number:09d}" + "x" * (options.size - 10) + "\n")


def spread(values, unit=1e3, form="{:.0f}k"):
    texts = [form.format(value / unit) for value in (statistics.median(values), min(values), max(values))]
    return f"{texts[0]} ({texts[1]}–{texts[2]})" if len(values) > 1 else texts[0]


def settings(keys):
    return ", ".join(f"`{key}={value}`" for key, value in keys.items())


def best(results, line, who, modes):
    """The mode with the highest median rate."""
    of = lambda mode: [r for r in results if r["line"] == line and r["who"] == who and r["mode"] == mode]
    rated = [(statistics.median(r["rate"] for r in of(mode)), mode, of(mode)) for mode in modes if of(mode)]
    return max(rated, key=lambda entry: entry[0]) if rated else None


def report(options, results, all_cells, failures):
    say = [f"# Java's worker and ours, {datetime.date.today()}", "",
           f"`cargo xtask bench side-by-side {' '.join(options.given)}`", "",
           f"Machine: {os.cpu_count()} cores, {platform.machine()}, {platform.system()} {platform.release()}; "
           "broker and worker share it.",
           f"Work: records of about {options.size} bytes, {options.tasks} task{'s' * (options.tasks > 1)} and as many "
           f"partitions, compression {options.compression or 'none'}; {options.runs} runs of each cell, workers in turns. "
           "The window is from 40 % to 95 % of the records, "
           + ", ".join(f"{line} {records_of(options, line) / 1e6:g}" for line in all_cells if line != "h")
           + " million." + (f" Beside {options.idle} connectors with nothing to do." if options.idle else ""), "",
           *(["Settings of tuned workers, Java: " + settings(TUNED_SOURCE) + "; " + settings(TUNED_SINK)
              + f", but its defaults in lines {' and '.join(SLOWER_TUNED)}, where those are faster.",
              "Ours: " + settings(OURS_SOURCE) + "; " + settings(OURS_SINK)
              + "".join(f", `{entry}`" for entry in options.set) + ".", ""]),
           "Of several modes of Java the best one counts. A/A is the distance between two equal runs of ours, "
           "as a share of the rate.", "",
           "| line | Java: records/s | CPU µs | peak MB | ours: records/s | CPU µs | peak MB | ours ÷ Java "
           "| CPU: ours ÷ Java | A/A | at least | aim |",
           "| --- | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for line, (title, kind, _, least, aim) in all_cells.items():
        if kind == "start":
            continue
        java = best(results, line, "java", ["default", "tuned"])
        for mode in ("default", "native", "tuned"):
            ours = best(results, line, "ours", [mode])
            if not ours:
                continue
            row = [f"{line} {title}" + (f", {mode}" if "," in options.ours_modes else "")]
            median = lambda entry, key: statistics.median(r[key] for r in entry[2])
            for entry in (java, ours):
                row += [spread([r["rate"] for r in entry[2]])
                        + (f", {entry[1]}" if entry is java and "," in options.java_modes else ""),
                        f"{median(entry, 'cpu'):.2f}", f"{median(entry, 'peak'):.0f}"] if entry else ["–"] * 3
            control = [r for r in results if r["line"] == line and r["mode"] == mode + " again"]
            first = ours[2][0]["rate"]
            same = f"{abs(statistics.median(r['rate'] for r in control) / first - 1) * 100:.0f} %" if control else "–"
            row += [f"{ours[0] / java[0]:.2f}" if java else "–",
                    f"{median(ours, 'cpu') / median(java, 'cpu'):.2f}" if java else "–", same, f"{least}", f"{aim}"]
            say.append("| " + " | ".join(row) + " |")
    starts = [r for r in results if r["line"] == "h"]
    if starts:
        say += ["", "| h | worker answers, s | first record, s | memory idle, MB |", "| --- | --- | --- | --- |"]
        for who, mode in dict.fromkeys((r["who"], r["mode"]) for r in starts):
            of = [r for r in starts if (r["who"], r["mode"]) == (who, mode)]
            say.append(f"| {who}, {mode} | " + " | ".join(
                spread([r[key] for r in of], 1, form)
                for key, form in (("answers", "{:.2f}"), ("first", "{:.2f}"), ("idle", "{:.0f}"))) + " |")
    if failures:
        say += ["", "Not measured:", ""] + [f"* {failure}" for failure in failures]
    short = sorted({f"{r['line']} ({r['who']}, {r['window']:.1f} s)" for r in results if r.get("window", 9) < 5})
    if short:
        say += ["", f"Windows shorter than five seconds, to be read as hints: {', '.join(short)}."]
    return "\n".join(say) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap-servers", default="127.0.0.1:9092")
    parser.add_argument("--cells", default="", help="lines to measure, separated by commas; all without it")
    parser.add_argument("--records", type=int, default=0, help="of every line; each has its own number without it")
    parser.add_argument("--scale", type=float, default=1, help="multiplies each line's own number of records")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--java-modes", default="tuned", help="default, tuned; none leaves Java out")
    parser.add_argument("--ours-modes", default="tuned", help="default, native, tuned")
    parser.add_argument("--size", type=int, default=100, help="bytes of a record, at least 100")
    parser.add_argument("--tasks", type=int, default=1, help="and partitions; a file is always read by one")
    parser.add_argument("--idle", type=int, default=0, help="connectors with nothing to do, in the same worker")
    parser.add_argument("--compression", default="", help="of the producers, for example lz4")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE for our worker, besides the mode's")
    parser.add_argument("--rest-port", type=int, default=28083)
    parser.add_argument("--no-control", action="store_true", help="leave out the A/A runs")
    parser.add_argument("--out", help="the table's file; benches/results/DATE-side-by-side.md without it")
    for internal in ("--ours", "--java-home", "--scratch"):
        parser.add_argument(internal, required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    hidden = {"--ours", "--java-home", "--scratch"}
    pairs = list(zip([None] + sys.argv[1:], sys.argv[1:]))
    options.given = [word for before, word in pairs if word not in hidden and before not in hidden]
    out = options.out or os.path.join(os.path.dirname(HERE), "results", f"{datetime.date.today()}-side-by-side.md")
    os.makedirs(options.scratch, exist_ok=True)
    all_cells = cells(options)
    lines = [line for line in all_cells if not options.cells or line in options.cells.split(",")]
    if 0 < options.records < 1_000_000 or options.size < 100:
        parser.error("at least 1,000,000 records of 100 bytes: fewer have no middle to measure")
    if not lines:
        parser.error(f"no such cell; there are {', '.join(all_cells)}")
    java, ours = (modes.split(",") if modes else [] for modes in (options.java_modes, options.ours_modes))
    turns = [("java", mode) for mode in java] + [("ours", mode) for mode in ours]
    control = [("ours", mode + " again") for mode in ours if not options.no_control]
    probe, results, failures = Probe(options), [], []
    try:
        prepare(options, probe, set(lines))
        for run in range(options.runs):
            for line in lines:
                # Whoever comes first in one run comes last in the next.
                order = turns + control if run == 0 else turns[::-1] if run % 2 else turns
                for worker, mode in order:
                    if line == "h" and mode.endswith("again"):
                        continue
                    try:
                        if line == "h":
                            result = measure_start(options, probe, worker, mode)
                        else:
                            result = measure(options, probe, line, all_cells[line], worker, mode)
                    except Exception as error:
                        failures.append(f"{line}, {worker}, {mode}: {str(error).splitlines()[-1] if str(error) else repr(error)}")
                        print("FAILED", line, worker, mode, error, flush=True)
                        continue
                    results.append(result)
                    print(json.dumps(result), flush=True)
                    with open(os.path.join(options.scratch, "results.jsonl"), "a") as file:
                        file.write(json.dumps(result) + "\n")
    finally:
        probe.close()
    text = report(options, results, {line: all_cells[line] for line in lines}, failures)
    with open(out, "w") as file:
        file.write(text)
    print(text)
    sys.exit(1 if failures else 0)


main()
