<?php
// Reads SP metadata (XML on standard input) with SimpleSAMLphp's own parser and prints it as JSON.
require '/usr/share/simplesamlphp/lib/_autoload.php';
$entities = \SimpleSAML\Metadata\SAMLParser::parseDescriptorsString(stream_get_contents(STDIN));
foreach ($entities as $id => $entity) {
    $sp = $entity->getMetadata20SP();
    if ($sp !== null) {
        unset($sp['entityDescriptor'], $sp['expire'], $sp['metadata-set']);
        echo json_encode(['id' => $id, 'sp' => $sp], JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES);
        exit(0);
    }
}
fwrite(STDERR, "no service provider in this metadata\n");
exit(1);
