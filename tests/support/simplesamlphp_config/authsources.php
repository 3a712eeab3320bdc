<?php
require_once __DIR__ . '/facts.php';
$config = ['admin' => ['core:AdminPassword'], 'userpass' => ['exampleauth:UserPass'] + facts('people')];
