<?php
require_once dirname(__DIR__) . '/facts.php';
$post = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST';
$redirect = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
$formats = facts('idp')['name_id_formats'];
$metadata[facts('idp')['entity_id']] = [
    'host' => '__DEFAULT__',
    'privatekey' => 'idp.key',
    'certificate' => 'idp.crt',
    'auth' => 'userpass',
    'logouttype' => facts('idp')['logout_type'],
    'SingleSignOnServiceBinding' => [$redirect, $post],
    'SingleLogoutServiceBinding' => [$redirect, $post],
    'sign.logout' => true,
    'redirect.sign' => true,
    'validate.authnrequest' => true,
    'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'NameIDFormat' => array_values($formats),
    'authproc' => [
        1 => ['class' => 'saml:TransientNameID'],
        2 => ['class' => 'saml:PersistentNameID', 'attribute' => 'uid'],
        3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'mail', 'Format' => $formats['email']],
        4 => ['class' => 'saml:AttributeNameID', 'attribute' => 'uid', 'Format' => $formats['unspecified']],
    ],
];
