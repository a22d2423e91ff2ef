import java.io.FileInputStream;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;

/** JSSEServer CHAIN KEY KEYTYPE LISTENER... : see peers.JSSE. */
public class JSSEServer {
    private static final byte[] RESPONSE =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".getBytes(StandardCharsets.US_ASCII);

    public static void main(String[] args) throws Exception {
        KeyManager[] keys = keys(args[0], args[1], args[2]);
        for (int i = 3; i < args.length; i++) {
            SSLServerSocket server = listen(keys, args[i].split(" "));
            // In daemon threads of their own, so that a listener never waits for another.
            start(() -> serve(server));
            System.out.println("127.0.0.1:" + server.getLocalPort());
        }
        Thread.currentThread().join();
    }

    private static SSLServerSocket listen(KeyManager[] keys, String[] options) throws Exception {
        TrustManager[] anchors = null; // those of the runtime
        String[] protocols = null;
        String[] suites = null;
        for (String option : options) {
            if (option.startsWith("ca=")) {
                anchors = anchors(option.substring("ca=".length()));
            } else if (option.startsWith("protocols=")) {
                protocols = option.substring("protocols=".length()).split(",");
            } else if (option.startsWith("suites=")) {
                suites = option.substring("suites=".length()).split(",");
            }
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys, anchors, null);
        SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory()
            .createServerSocket(0, 128, InetAddress.getLoopbackAddress());
        if (protocols != null) {
            server.setEnabledProtocols(protocols);
        }
        if (suites != null) {
            server.setEnabledCipherSuites(suites);
        }
        switch (options[0]) {
            case "want" -> server.setWantClientAuth(true);
            case "need" -> server.setNeedClientAuth(true);
            case "none" -> { }
            default -> throw new IllegalArgumentException(options[0]);
        }
        return server;
    }

    private static void serve(SSLServerSocket server) {
        while (true) {
            try {
                SSLSocket socket = (SSLSocket) server.accept();
                start(() -> answer(socket));
            } catch (Exception e) {
                System.err.println(e);
            }
        }
    }

    private static void answer(SSLSocket socket) {
        try (socket) {
            socket.startHandshake();
            InputStream in = socket.getInputStream();
            int ends = 0; // of lines, in a row
            for (int c = in.read(); c >= 0; c = in.read()) {
                ends = c == '\n' ? ends + 1 : c == '\r' ? ends : 0;
                if (ends == 2) {
                    socket.getOutputStream().write(RESPONSE);
                    return;
                }
            }
        } catch (Exception e) {
            System.err.println(e);
        }
    }

    private static void start(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        thread.start();
    }

    private static KeyManager[] keys(String chain, String key, String type) throws Exception {
        String text = Files.readString(Path.of(key)).replaceAll("-----[A-Z ]+-----|\\s", "");
        PrivateKey secret = KeyFactory.getInstance(type)
            .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(text)));
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("server", secret, new char[0], certificates(chain));
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, new char[0]);
        return factory.getKeyManagers();
    }

    private static TrustManager[] anchors(String path) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        int number = 0;
        for (Certificate certificate : certificates(path)) {
            store.setCertificateEntry("ca" + number++, certificate);
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers();
    }

    private static Certificate[] certificates(String path) throws Exception {
        try (InputStream in = new FileInputStream(path)) {
            return CertificateFactory.getInstance("X.509").generateCertificates(in).toArray(new Certificate[0]);
        }
    }
}
