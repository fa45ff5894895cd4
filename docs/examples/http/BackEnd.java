// A back end in Java (17 or newer), without packages: java BackEnd.java
// JSON is taken apart by hand here, to need nothing; a real back end has a library for it.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import java.util.concurrent.Executors;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public class BackEnd {
  private static final long OLDEST_SECONDS = 300;
  private static final byte[] SECRET =
      Base64.getDecoder().decode(System.getenv("REPLIES_HTTP_SECRET").replaceFirst("^whsec_", ""));
  /** In the message, which stands before its merged twins and the history. */
  private static final Pattern TEXT =
      Pattern.compile("\"message\":\\{\"kind\":\"text\".*?\"content\":\"((?:[^\"\\\\]|\\\\.)*)\"");

  public static void main(String[] args) throws IOException {
    int port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8000"));
    HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 0);
    server.setExecutor(Executors.newFixedThreadPool(64));
    server.createContext("/", BackEnd::respond);
    server.start();
    System.out.println("listening on " + port);
  }

  private static void respond(HttpExchange exchange) throws IOException {
    String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
    boolean signed = isSigned(exchange, body);
    byte[] answer = (signed ? answer(body) : "\"the signature is wrong\"").getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("content-type", "application/json");
    exchange.sendResponseHeaders(signed ? 200 : 401, answer.length);
    exchange.getResponseBody().write(answer);
    exchange.close();
  }

  private static String answer(String body) {
    Matcher text = TEXT.matcher(body);
    // It stays in the form of JSON, so that nothing has to be escaped again.
    return text.find() ? "\"You said: " + text.group(1) + "\"" : "{\"next\":true}";
  }

  private static boolean isSigned(HttpExchange exchange, String body) {
    try {
      String id = exchange.getRequestHeaders().getFirst("webhook-id");
      String timestamp = exchange.getRequestHeaders().getFirst("webhook-timestamp");
      String signatures = exchange.getRequestHeaders().getFirst("webhook-signature");
      if (id == null || timestamp == null || signatures == null) return false;
      if (Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > OLDEST_SECONDS) return false;
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(SECRET, "HmacSHA256"));
      byte[] signed = (id + "." + timestamp + "." + body).getBytes(StandardCharsets.UTF_8);
      byte[] expected = ("v1," + Base64.getEncoder().encodeToString(mac.doFinal(signed))).getBytes();
      for (String given : signatures.split(" ")) {
        if (MessageDigest.isEqual(expected, given.getBytes())) return true;
      }
      return false;
    } catch (GeneralSecurityException | NumberFormatException error) {
      return false;
    }
  }
}
