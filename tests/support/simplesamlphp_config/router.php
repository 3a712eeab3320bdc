<?php
// What Apache's alias does in a real installation: /simplesaml is SimpleSAMLphp's www folder, with PATH_INFO.
$root = '/usr/share/simplesamlphp/www';
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (preg_match('#^/simplesaml(/[^?]*?\.php)(/.*)?$#', $path, $found) && is_file($root . $found[1])) {
    $_SERVER['SCRIPT_NAME'] = '/simplesaml' . $found[1];
    $_SERVER['SCRIPT_FILENAME'] = $root . $found[1];
    $_SERVER['PHP_SELF'] = '/simplesaml' . $found[1] . ($found[2] ?? '');
    unset($_SERVER['PATH_INFO']);
    if (isset($found[2])) {
        $_SERVER['PATH_INFO'] = $found[2];
    }
    chdir(dirname($root . $found[1]));
    require $root . $found[1];
    return true;
}
$types = ['css' => 'text/css', 'js' => 'text/javascript', 'png' => 'image/png', 'ico' => 'image/x-icon'];
$file = realpath($root . substr($path, strlen('/simplesaml')));
$type = $types[pathinfo((string) $file, PATHINFO_EXTENSION)] ?? null;
if ($file !== false && $type !== null && strpos($path, '/simplesaml/') === 0) {
    header("Content-Type: $type");
    readfile($file);
    return true;
}
http_response_code(404);
echo 'not here';
return true;
