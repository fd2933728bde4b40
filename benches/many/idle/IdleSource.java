package idle;

import java.util.*;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.source.*;

/** As many tasks as allowed, none of which ever has a record. */
public class IdleSource extends SourceConnector {
    private Map<String, String> props;

    @Override public void start(Map<String, String> props) { this.props = props; }
    @Override public void stop() { }
    @Override public Class<? extends Task> taskClass() { return Idle.class; }
    @Override public String version() { return "1"; }
    @Override public ConfigDef config() { return new ConfigDef(); }
    @Override public List<Map<String, String>> taskConfigs(int max) { return Collections.nCopies(max, props); }

    public static class Idle extends SourceTask {
        @Override public String version() { return "1"; }
        @Override public void start(Map<String, String> props) { }
        @Override public void stop() { }
        @Override public List<SourceRecord> poll() throws InterruptedException {
            Thread.sleep(1000);
            return null;
        }
    }
}
